# Builds for another system with zig's clang, which brings the headers and libraries of Linux, Windows and macOS:
#   cmake -DCMAKE_TOOLCHAIN_FILE=cmake/zig.cmake -DZIG=/path/to/zig -DZIG_TARGET=aarch64-linux-gnu.2.28
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ZIG ZIG_TARGET)
if(ZIG_TARGET MATCHES "-windows")
  set(CMAKE_SYSTEM_NAME Windows)
elseif(ZIG_TARGET MATCHES "-macos")
  set(CMAKE_SYSTEM_NAME Darwin)
  # CMake asks for it even where nothing is installed.
  set(CMAKE_INSTALL_NAME_TOOL false CACHE FILEPATH "" FORCE)
  set(CMAKE_USER_MAKE_RULES_OVERRIDE_CXX ${CMAKE_CURRENT_LIST_DIR}/zig_macos.cmake)
else()
  set(CMAKE_SYSTEM_NAME Linux)
endif()
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR "${ZIG_TARGET}")

# CMake wants one program for each tool.
foreach(tool c++ ar ranlib)
  set(arguments ${tool})
  if(tool STREQUAL "c++")
    string(APPEND arguments " -target ${ZIG_TARGET}")
  endif()
  set(zig_${tool} ${CMAKE_BINARY_DIR}/zig/${tool})
  file(WRITE ${zig_${tool}} "#!/bin/sh\nexec \"${ZIG}\" ${arguments} \"$@\"\n")
  file(CHMOD ${zig_${tool}} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endforeach()
set(CMAKE_CXX_COMPILER ${zig_c++})
set(CMAKE_AR ${zig_ar} CACHE FILEPATH "" FORCE)
set(CMAKE_RANLIB ${zig_ranlib} CACHE FILEPATH "" FORCE)
# A program is linked from objects that zig does not take (-fPIE); checks of the compiler make libraries as the addon is one.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE NEVER)
