// Patterns, so that those which match a channel are found without trying all of them.
//
// A pattern stands under the text that it begins with, up to its first special character; one that begins
// with such a character, under the text that it ends with. Looking up a channel tries the patterns under its
// own beginnings and ends, and those that have neither ("*a*"). Ownership: none; the caller keeps the
// patterns' bytes as long as they are in here.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "protocol/glob.h"

namespace slotless::pubsub {

class PatternIndex {
 public:
  // `of`: what visitMatches() gives for it.
  void add(std::string_view pattern, const void* of);
  void remove(std::string_view pattern);

  // Calls visit(of) for each pattern that matches.
  template <typename Visit>
  void visitMatches(std::string_view channel, Visit visit) const {
    tried_ = 0;
    for (const auto& [length, groups] : beginnings_) {
      if (length > channel.size()) break;
      visitGroup(groups, channel.substr(0, length), channel, visit);
    }
    for (const auto& [length, groups] : ends_) {
      if (length > channel.size()) break;
      visitGroup(groups, channel.substr(channel.size() - length), channel, visit);
    }
  }

  // How many patterns the last look-up has compared with its channel.
  std::size_t tried() const noexcept { return tried_; }

 private:
  // Each pattern with what it is of: erased one by one, so that a map is better than a list.
  using Group = std::map<std::string_view, const void*>;
  using ByText = std::map<std::string, Group, std::less<>>;
  using Groups = std::map<std::size_t, ByText>;  // by the length of what they stand under

  struct Place {
    bool end;
    std::string_view text;
  };
  static Place placeOf(std::string_view pattern);

  template <typename Visit>
  void visitGroup(const ByText& groups, std::string_view text, std::string_view channel, Visit& visit) const {
    const auto found = groups.find(text);
    if (found == groups.end()) return;
    tried_ += found->second.size();
    for (const auto& [pattern, of] : found->second) {
      if (protocol::matchesGlob(pattern, channel)) visit(of);
    }
  }

  Groups beginnings_;
  Groups ends_;
  mutable std::size_t tried_ = 0;
};

}  // namespace slotless::pubsub
