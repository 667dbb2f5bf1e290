// The commands that the proxy answers itself, as a table from name to function.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_table.h"
#include "proxy/session/local_answers.h"
#include "proxy/session/transaction.h"

namespace slotless::session {

class Client;
struct Services;

struct LocalCall {
  Client& client;
  Services& services;
  const protocol::CommandSpec& spec;
  protocol::Argv argv;
  std::string& out;  // the reply, in the client's protocol
  bool inTransaction = false;
  bool late = false;   // the reply comes later, see replyLater()
  bool waits = false;  // it is to be called again, when the client is woken
};

using LocalCommand = void (*)(LocalCall&);

// Late: the reply needs others. Behind: the same, and inside a transaction it can be waited for behind EXEC.
enum class When : std::uint8_t { AtOnce, Late, Behind };
// WithUsers: the proxy's if it has users, otherwise the nodes'.
enum class Whose : std::uint8_t { Proxy, WithUsers };

struct LocalEntry {
  std::string_view name;
  LocalCommand run;
  When when = When::AtOnce;
  Whose whose = Whose::Proxy;
};

class LocalCommands final : public LocalAnswers {
 public:
  // Resolves the names once; every command with Handling::Local must have a function.
  // `console`: those of PROXY, which are in no table.
  LocalCommands(Services& services, const protocol::CommandTable& table, std::span<const LocalEntry> console);
  // From now on commands come from this table; those of earlier ones can still be run.
  void use(const protocol::CommandTable& table);
  bool answers(const protocol::CommandSpec& spec, protocol::Argv argv) const override;
  bool run(Client& client, const protocol::CommandSpec& spec, protocol::Argv argv) override;
  bool isLate(const protocol::CommandSpec& spec) const override;
  bool followsExec(const protocol::CommandSpec& spec) const override;
  bool runLate(Client& client, const protocol::CommandSpec& spec, protocol::Argv argv,
               std::string& out) override;
  Transaction::RunLocal runnerFor(Client& client) override;
  bool plan(const protocol::CommandSpec& spec, protocol::Argv argv, routing::Plan& plan) override;
  // Commands of the table that should be answered here and have no function: none, or it is a mistake.
  const std::vector<std::string>& missing() const noexcept { return missing_; }

 private:
  void resolve(const protocol::CommandSpec& spec, LocalCommand inherited);
  const LocalEntry* entryOf(std::string_view name) const;
  LocalCommand findEntry(std::string_view name) const;
  LocalCommand entryFor(const protocol::CommandSpec& spec, LocalCommand inherited) const;
  LocalCommand functionOf(const protocol::CommandSpec& spec) const;

  void noteIfSlow(const Client& client, const protocol::CommandSpec& spec, protocol::Argv argv);

  Services& services_;
  const std::span<const LocalEntry> console_;
  std::vector<LocalCommand> byId_;
  std::vector<bool> aboutUsers_;  // by id: the proxy's if it has users
  const protocol::CommandSpec* getKeys_ = nullptr;
  std::vector<std::string> missing_;
  std::string out_;
};

}  // namespace slotless::session
