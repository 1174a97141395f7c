#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace modelpress {

// The bytes of a file, mapped so that a write to them changes this process's copy of the page and never the
// file.
class Mapping {
 public:
  // `size` bytes of an open file, more than 0, from `offset`, a multiple of 64 KiB. POSIX systems map the
  // descriptor; Windows opens `path` (UTF-16) again, since a descriptor of Node's C library means nothing to
  // another one. Throws std::system_error.
  Mapping(int descriptor, const std::u16string& path, uint64_t offset, size_t size);
  ~Mapping() { release(); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  void* data() const { return data_; }
  size_t size() const { return size_; }
  // Lets go of the pages that were looked at, which are the file's again: what was written to them is lost.
  // Does nothing where the system has no such call.
  void forget() noexcept;
  // Gives the address range back; twice is once.
  void release() noexcept;

 private:
  void* data_ = nullptr;
  size_t size_;
};

}  // namespace modelpress
