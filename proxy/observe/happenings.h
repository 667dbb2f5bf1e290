// What has happened, as a time line: changes of the topology, redirects, limits that acted, and the like. The
// newest kMost of them are kept; the same again within a while counts up the one that is there.
//
// Belongs to whoever has it; no locks.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/topology.h"
#include "proxy/observe/sample.h"

namespace slotless::observe {

enum class Weight : std::uint8_t { Note, Warning, Trouble };
std::string_view weightName(Weight weight) noexcept;  // "note", "warning", "trouble"

struct Happening {
  std::uint64_t id = 0;  // increases
  std::int64_t firstMillis = 0;
  std::int64_t lastMillis = 0;  // since 1970, both
  std::uint64_t times = 1;
  std::string_view kind;  // "failover", "topology", "redirect", "limit" …: of literals
  Weight weight = Weight::Note;
  std::string text;

  bool operator==(const Happening&) const = default;
};

class Happenings {
 public:
  static constexpr std::size_t kMost = 256;
  static constexpr std::int64_t kSameWithinMillis = 10'000;

  void add(std::int64_t unixMillis, std::string_view kind, Weight weight, std::string text,
           std::uint64_t times = 1);
  // The oldest first.
  const std::deque<Happening>& all() const noexcept { return all_; }
  // Of what was added or counted up last.
  std::uint64_t lastId() const noexcept { return lastId_; }

 private:
  std::deque<Happening> all_;
  std::uint64_t lastId_ = 0;
};

// What makes one topology the next one, in words: nodes that joined or left, masters that were replaced,
// slots that moved or have nobody.
void noteChanges(Happenings& happenings, std::int64_t unixMillis, const cluster::Topology& before,
                 const cluster::Topology& after);
// What has been counted between two samples and is worth a word.
void noteChanges(Happenings& happenings, const Sample& before, const Sample& after);

}  // namespace slotless::observe
