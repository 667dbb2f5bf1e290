// The scripts of clients as they are sent where that is not as they are: for databases whose keys have other
// names in the cluster, and, as far as they may need a guard, for others.
//
// One for each worker. EVALSHA needs the text that its SHA1 stands for, since what nodes run has another
// SHA1: a script that this process has not seen is not known, whoever else has loaded it.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "protocol/command_table.h"
#include "proxy/databases/script_guard.h"
#include "proxy/databases/script_names.h"
#include "proxy/databases/script_yield.h"
#include "proxy/scripts/script_cache.h"

namespace slotless::session {

// What stands in front: databases::ScriptNames, for a grouped database or another one, or ScriptGuard.
enum class Wrapping : std::uint8_t { Names, GroupedNames, Guard };
inline constexpr std::size_t kWrappings = 3;

// What is known of a script by its text, if all masters are to run it.
struct ForMasters {
  databases::WholeScript whole;
  std::string sha;  // of the text that they get; empty where they are not to run it
};

class WrappedScripts {
 public:
  std::string textFor(std::string_view script, const std::shared_ptr<const protocol::CommandTable>& commands,
                      Wrapping wrapping = Wrapping::Names);
  // Remembers what is sent for it, too. nullopt: the script is not known.
  std::optional<std::string_view> shaFor(std::string_view sha,
                                         const std::shared_ptr<const protocol::CommandTable>& commands,
                                         ScriptCache& cache, Wrapping wrapping = Wrapping::Names);
  // Each script is read once. Good until the next call.
  const ForMasters& forMasters(const Script& script,
                               const std::shared_ptr<const protocol::CommandTable>& commands);
  std::string textForMasters(const Script& script) const;
  const databases::ScriptGuard& guardFor(const std::shared_ptr<const protocol::CommandTable>& commands);
  void setDialect(databases::ScriptDialect dialect);
  // An error's text names the script that has run: here as the client knows it.
  std::string asSaid(std::string error) const;
  // Memory of all that is remembered, SHA1s and hashes of texts.
  std::size_t bytes() const noexcept;

 private:
  using BySha = std::unordered_map<std::string, std::string>;

  void prepare(const std::shared_ptr<const protocol::CommandTable>& commands);
  std::string wrap(std::string_view script, Wrapping wrapping) const;
  void forget();

  // A guard against endless series of different scripts: then all are looked up again.
  static constexpr std::size_t kMostScripts = 4096;

  std::shared_ptr<const protocol::CommandTable> commands_;  // of which the next three were made
  databases::ScriptDialect dialect_;
  std::unique_ptr<databases::ScriptNames> names_;
  std::unique_ptr<databases::ScriptNames> groupedNames_;
  std::unique_ptr<databases::ScriptGuard> guard_;
  std::array<std::unordered_set<std::size_t>, kWrappings> seen_;  // texts, by hash
  std::array<BySha, kWrappings> wrapped_;  // what is sent, by what clients say: SHA1s, lower case
  BySha original_;                         // the other way round
  std::unordered_map<std::string, ForMasters> forMasters_;  // by SHA1
  std::uint64_t generation_ = 0;                            // of the cache
};

}  // namespace slotless::session
