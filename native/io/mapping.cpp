#include "mapping.h"

#include <system_error>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>

#include <memory>
#else
#include <sys/mman.h>

#include <cerrno>
#endif

namespace modelpress {

#ifdef _WIN32

namespace {

struct CloseHandleOf {
  using pointer = HANDLE;
  void operator()(HANDLE handle) const { CloseHandle(handle); }
};
using Handle = std::unique_ptr<HANDLE, CloseHandleOf>;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(static_cast<int>(GetLastError()), std::system_category(), what);
}

}  // namespace

Mapping::Mapping(int, const std::u16string& path, uint64_t offset, size_t size) : size_(size) {
  // Deleting and renaming stay possible for others while the file is open here.
  const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  const HANDLE opened = CreateFileW(reinterpret_cast<const wchar_t*>(path.c_str()), GENERIC_READ, share,
                                    nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (opened == INVALID_HANDLE_VALUE) fail("CreateFile");
  const Handle file(opened);
  LARGE_INTEGER actual;
  if (!GetFileSizeEx(file.get(), &actual)) fail("GetFileSizeEx");
  if (static_cast<uint64_t>(actual.QuadPart) < offset + size)
    throw std::system_error(ERROR_HANDLE_EOF, std::system_category(), "the file became shorter");
  const HANDLE created = CreateFileMappingW(file.get(), nullptr, PAGE_WRITECOPY, 0, 0, nullptr);
  if (created == nullptr) fail("CreateFileMapping");
  // The view keeps the file alive; both handles may close.
  const Handle section(created);
  data_ = MapViewOfFile(section.get(), FILE_MAP_COPY, static_cast<DWORD>(offset >> 32),
                        static_cast<DWORD>(offset), size);
  if (data_ == nullptr) fail("MapViewOfFile");
}

void Mapping::forget() noexcept {}

void Mapping::release() noexcept {
  if (data_ != nullptr) UnmapViewOfFile(data_);
  data_ = nullptr;
}

#else

Mapping::Mapping(int descriptor, const std::u16string&, uint64_t offset, size_t size) : size_(size) {
#ifdef MAP_NORESERVE
  // Writable pages count as promised memory unless told otherwise, and a large file would be refused.
  constexpr int kFlags = MAP_PRIVATE | MAP_NORESERVE;
#else
  constexpr int kFlags = MAP_PRIVATE;
#endif
  // Writable, because JavaScript cannot be kept from writing to a typed array, and a fault would end the
  // process.
  void* const mapped =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, kFlags, descriptor, static_cast<off_t>(offset));
  if (mapped == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  data_ = mapped;
}

void Mapping::forget() noexcept {
  if (data_ != nullptr) madvise(data_, size_, MADV_DONTNEED);
}

void Mapping::release() noexcept {
  if (data_ != nullptr) munmap(data_, size_);
  data_ = nullptr;
}

#endif

}  // namespace modelpress
