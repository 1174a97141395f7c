#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string_view>
#include <vector>

namespace modelpress {

// Names that came so far, in a table that a million of them fill without a call of the allocator for each.
// Whoever writes a file chooses its names, and could choose such that hash alike: then they are kept in order
// instead, where each costs the same.
class NameSet {
 public:
  // False for a name that is there.
  bool insert(std::string_view name) {
    if (!ordered_.empty()) return ordered_.insert(name).second;
    if (2 * (names_.size() + 1) > slots_.size()) grow();
    const uint32_t hash = static_cast<uint32_t>(std::hash<std::string_view>()(name));
    size_t at = hash & (slots_.size() - 1);
    for (int probes = 0; slots_[at].number != 0; ++probes) {
      if (slots_[at].hash == hash && names_[slots_[at].number - 1] == name) return false;
      if (probes == kMaxProbes) {
        ordered_.insert(names_.begin(), names_.end());
        return ordered_.insert(name).second;
      }
      at = (at + 1) & (slots_.size() - 1);
    }
    names_.push_back(name);
    slots_[at] = {hash, static_cast<uint32_t>(names_.size())};
    return true;
  }

 private:
  struct Slot {
    uint32_t hash;
    uint32_t number;  // of the name, from 1
  };
  // A table that is half full needs a few.
  static constexpr int kMaxProbes = 128;

  void grow() {
    std::vector<Slot> slots(slots_.empty() ? 8 : 2 * slots_.size());
    for (const Slot& slot : slots_) {
      if (slot.number == 0) continue;
      size_t at = slot.hash & (slots.size() - 1);
      while (slots[at].number != 0) at = (at + 1) & (slots.size() - 1);
      slots[at] = slot;
    }
    slots_.swap(slots);
  }

  std::vector<std::string_view> names_;
  std::vector<Slot> slots_;
  std::set<std::string_view> ordered_;
};

}  // namespace modelpress
