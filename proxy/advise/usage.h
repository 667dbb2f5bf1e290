// Which keys applications use together: what a command, a transaction or a script has to have in one place.
// Pure.
//
// Memory is bounded: beyond kMostUses different ones of a database the rest is counted, and not kept.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "protocol/command_table.h"
#include "proxy/subcommand/monitor_line.h"

namespace slotless::advise {

// Split: a command that is about each of its keys for itself, such as MGET and DEL.
enum class UseKind : std::uint8_t { Split, Command, Transaction, Script };
inline constexpr std::size_t kUseKinds = 4;

struct Use {
  UseKind kind = UseKind::Command;
  std::string name;               // of the command: "EVALSHA"
  std::vector<std::string> keys;  // without repetitions, in order
  bool aboutAll = false;          // it is about a whole database, too
  bool declaresNone = false;      // a script that calls keys and has been given none
  std::uint64_t count = 0;
};

struct DatabaseUsage {
  std::uint64_t commands = 0;
  // All transactions and scripts; of the others those with several keys.
  std::array<std::uint64_t, kUseKinds> seen{};
  // Those that concern several keys, or a whole database, or keys that nobody has declared.
  std::map<std::string, Use> uses;
  std::uint64_t notKept = 0;

  std::uint64_t seenOf(UseKind kind) const noexcept { return seen[static_cast<std::size_t>(kind)]; }
};

class Usage {
 public:
  static constexpr std::size_t kMostUses = 5000;
  static constexpr std::size_t kMostKeys = 64;  // of a use

  Usage() : table_(protocol::CommandTable::builtIn()) {}

  // In the order in which the server has carried them out.
  void add(const subcommand::SeenCommand& seen);
  // What is open when nothing more comes.
  void finish();
  std::uint64_t commands() const noexcept { return commands_; }
  const std::map<std::uint32_t, DatabaseUsage>& databases() const noexcept { return databases_; }

 private:
  struct Together {
    UseKind kind = UseKind::Command;
    std::uint32_t database = 0;
    std::string name;
    std::set<std::string> keys;
    bool aboutAll = false;
    bool declares = false;
  };
  struct Client {
    std::map<std::uint32_t, std::set<std::string>> watched;
    bool inTransaction = false;
    Together transaction;
  };

  void addCall(const subcommand::SeenCommand& seen);
  void addKeys(Together& to, const std::vector<std::string>& keys, bool aboutAll) const;
  void keep(const Together& together);
  void closeScript();

  const std::shared_ptr<const protocol::CommandTable> table_;
  std::map<std::uint32_t, DatabaseUsage> databases_;
  std::map<std::string, Client> clients_;
  // What scripts call comes right behind them, as of the client "lua".
  bool scriptIsOpen_ = false;
  std::string scriptsClient_;
  Together script_;
  std::uint64_t commands_ = 0;
};

}  // namespace slotless::advise
