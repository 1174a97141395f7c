// Node's functions are in the program that loads the addon, whatever it is called; an import library would
// bind the addon to "node.exe". So the imports are found here, where MSVC would load them late through a
// hook.
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

// node_functions.inc is written by CMake: NODE_FUNCTION(name) for each function of Node-API.
extern "C" {
#define NODE_FUNCTION(name) FARPROC __imp_##name;
#include "node_functions.inc"
#undef NODE_FUNCTION
}

namespace {

const bool kFound = [] {
  const HMODULE host = GetModuleHandleW(nullptr);
#define NODE_FUNCTION(name) __imp_##name = GetProcAddress(host, #name);
#include "node_functions.inc"
  return true;
}();

}  // namespace
