// The scripts that clients have sent, by SHA1: so that a node that lacks one (a new master, one that was
// restarted) can be given it.
//
// One for the process, shared by the workers. Bounded in bytes, at what a script costs; the ones not used for
// longest go first. Scripts are remembered when they pass, whether a node accepts them or not.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/databases/script_calls.h"

namespace slotless::session {

struct Script {
  std::string sha;  // lower-case hex
  std::string text;
  databases::ScriptCalls calls;
};
using ScriptRef = std::shared_ptr<const Script>;

class ScriptCache {
 public:
  explicit ScriptCache(std::size_t maxBytes) : maxBytes_(maxBytes) {}

  // nullptr: it is too long for that.
  ScriptRef remember(std::string_view text);
  // `sha`: 40 hex digits in any case. nullptr: not known.
  ScriptRef find(std::string_view sha);
  void clear();
  // Memory of all that is remembered.
  std::size_t bytes() const;
  // How often the scripts have been cleared.
  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_relaxed); }

  // What remembering it takes: its SHA1, the entries of three containers and the allocations beside its text.
  static constexpr std::size_t costOf(std::string_view text) { return text.size() + 320; }
  // In lower-case hex, as Redis names scripts.
  static std::string sha1Of(std::string_view text);

 private:
  mutable std::mutex mutex_;
  const std::size_t maxBytes_;
  std::size_t bytes_ = 0;
  std::atomic<std::uint64_t> generation_{0};
  std::list<ScriptRef> byUse_;                                                  // the latest first
  std::unordered_map<std::string_view, std::list<ScriptRef>::iterator> bySha_;  // views into byUse_
  std::unordered_map<std::size_t, std::list<ScriptRef>::iterator>
      byTextHash_;  // spares hashing known texts with SHA1
};

}  // namespace slotless::session
