# lld links the addon: zig's own linker exports all of C++'s library, which macOS would bind to that of other libraries.
set(CMAKE_CXX_CREATE_SHARED_MODULE
  "node \"${CMAKE_CURRENT_LIST_DIR}/../scripts/prebuild/link-macos.mjs\" \"${ZIG}\" ${ZIG_TARGET} <LINK_FLAGS> -o <TARGET> <OBJECTS>")
