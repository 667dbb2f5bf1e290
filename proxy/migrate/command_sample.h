// What applications have been seen to do that their database's layout does not do as one Redis does. Pure.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"
#include "proxy/migrate/places.h"
#include "proxy/subcommand/monitor_line.h"

namespace slotless::migrate {

using subcommand::SeenCommand;

struct Objection {
  bool refused = false;  // otherwise it is carried out, but not at one moment
  std::string text;
  std::string example;
  std::uint64_t count = 0;
};

class CommandSample {
 public:
  explicit CommandSample(const Places& places);

  void add(const SeenCommand& seen, const std::string& clientName);
  // Of a command that INFO commandstats has counted.
  void addCounted(std::string_view name, std::uint64_t calls);
  std::uint64_t commands() const noexcept { return commands_; }
  const std::map<std::string, Objection>& objections() const noexcept { return objections_; }

 private:
  struct Transaction {
    std::uint32_t database = 0;
    std::map<protocol::Slot, std::string> slots;  // with a key of each
  };

  void object(bool refused, const std::string& text, const std::string& example, std::uint64_t count = 1);
  void judgeKeys(const SeenCommand& seen, const protocol::CommandSpec& spec, const std::string& clientName);

  const Places& places_;
  const std::shared_ptr<const protocol::CommandTable> table_;
  std::map<std::string, Objection> objections_;
  std::map<std::string, Transaction> transactions_;  // by client
  std::uint64_t commands_ = 0;
};

}  // namespace slotless::migrate
