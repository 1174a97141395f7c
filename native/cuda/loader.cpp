#include "loader.h"

#include <stdexcept>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace modelpress {
namespace {

constexpr char kEntry[] = "modelpress_cuda";

#if defined(_WIN32)
CudaEntry* find_entry(const std::string& path) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
  std::wstring wide(static_cast<size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), length);
  const HMODULE library = LoadLibraryExW(wide.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (library == nullptr)
    throw std::runtime_error(path + " does not load: Windows error " + std::to_string(GetLastError()));
  return reinterpret_cast<CudaEntry*>(reinterpret_cast<void*>(GetProcAddress(library, kEntry)));
}
#else
CudaEntry* find_entry(const std::string& path) {
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  return reinterpret_cast<CudaEntry*>(dlsym(library, kEntry));
}
#endif

}  // namespace

const CudaLibrary& load_cuda(const std::string& path) {
  CudaEntry* const entry = find_entry(path);
  if (entry == nullptr) throw std::runtime_error(path + " is not modelpress's CUDA library");
  const CudaLibrary& library = *entry();
  if (library.abi != kCudaAbi)
    throw std::runtime_error(path + " has interface " + std::to_string(library.abi) +
                             ", this version needs " + std::to_string(kCudaAbi) +
                             ": install the modelpress-cuda of the same version as modelpress");
  return library;
}

}  // namespace modelpress
