// The scripts of clients as they are sent for databases whose keys have other names in the cluster.
//
// One for each worker. EVALSHA needs the text that its SHA1 stands for, since what nodes run has another
// SHA1: a script that this process has not seen is not known, whoever else has loaded it.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "protocol/command_table.h"
#include "proxy/databases/script_names.h"
#include "proxy/session/script_cache.h"

namespace slotless::session {

class WrappedScripts {
 public:
  std::string textFor(std::string_view script, const std::shared_ptr<const protocol::CommandTable>& commands);
  // Remembers what is sent for it, too. nullopt: the script is not known.
  std::optional<std::string_view> shaFor(std::string_view sha,
                                         const std::shared_ptr<const protocol::CommandTable>& commands,
                                         ScriptCache& cache);
  // Scripts may call `redis` `server`, too.
  void setLuaServer(bool has);
  // An error's text names the script that has run: here as the client knows it.
  std::string asSaid(std::string error) const;

 private:
  const databases::ScriptNames& namesFor(const std::shared_ptr<const protocol::CommandTable>& commands);
  void forget();

  // A guard against endless series of different scripts: then all are looked up again.
  static constexpr std::size_t kMostScripts = 4096;

  std::shared_ptr<const protocol::CommandTable> commands_;  // of which names_ was made
  bool luaServer_ = false;
  std::unique_ptr<databases::ScriptNames> names_;
  std::unordered_set<std::size_t> seen_;  // texts, by hash
  std::unordered_map<std::string, std::string>
      wrapped_;  // what is sent, by what clients say: SHA1s, lower case
  std::unordered_map<std::string, std::string> original_;  // the other way round
  std::uint64_t generation_ = 0;                           // of the cache
};

}  // namespace slotless::session
