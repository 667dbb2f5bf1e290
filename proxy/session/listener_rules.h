// What the clients of one listener may send, whoever they are: commands that are denied, and the names by
// which commands are known there.
//
// Immutable; made of the configuration and the commands that are known. Source for names: redis.conf
// rename-command.
#pragma once
#include <bitset>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_ids.h"
#include "protocol/command_spec.h"
#include "proxy/access/vocabulary.h"

namespace slotless::session {

struct Services;

class ListenerRules {
 public:
  ListenerRules(const std::vector<std::string>& denied, const std::vector<std::string>& renames,
                const access::Vocabulary& words);

  // Denied, or known by another name only: there is something to be asked.
  bool concerns(const protocol::CommandSpec& spec) const noexcept {
    return denied_[spec.id] || renamed_[spec.id];
  }
  bool denies(const protocol::CommandSpec& spec) const noexcept { return denied_[spec.id]; }
  bool renames() const noexcept { return !names_.empty() || !gone_.empty(); }
  // What a client calls so: the command's own name. Empty: nothing; nullptr: as it says.
  const std::string* ownName(std::string_view name) const;

 private:
  using CommandSet = std::bitset<protocol::CommandIds::kCapacity + 1>;

  CommandSet denied_;
  CommandSet renamed_;
  std::map<std::string, std::string, std::less<>> names_;  // by the new one
  std::set<std::string, std::less<>> gone_;                // names that are not there any more
};

// Of a worker's listeners.
class ListenerRulebook {
 public:
  explicit ListenerRulebook(Services& services) : services_(services) {}

  // nullptr: none.
  const ListenerRules* of(std::size_t listener) const noexcept {
    return listener < rules_.size() ? rules_[listener].get() : nullptr;
  }
  // The configuration, or the commands, may be others.
  void refresh();

 private:
  Services& services_;
  std::vector<std::unique_ptr<const ListenerRules>> rules_;
};

}  // namespace slotless::session
