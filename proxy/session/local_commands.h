// The commands that the proxy answers itself, as a table from name to function.
#pragma once
#include <string>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_table.h"
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
  bool late = false;  // the reply comes later, see replyLater()
};

using LocalCommand = void (*)(LocalCall&);

class LocalCommands {
 public:
  // Resolves the names once; every command with Handling::Local must have a function.
  LocalCommands(Services& services, const protocol::CommandTable& table);
  // From now on commands come from this table; those of earlier ones can still be run.
  void use(const protocol::CommandTable& table);
  // False: only a node knows (COMMAND GETKEYS of a command whose facts leave its keys open).
  bool answers(const protocol::CommandSpec& spec, protocol::Argv argv) const;
  void run(Client& client, const protocol::CommandSpec& spec, protocol::Argv argv);
  // Does its reply need other workers? Then it cannot be part of a transaction.
  bool isLate(const protocol::CommandSpec& spec) const;
  // For EXEC: appends replies instead of giving them to the client.
  Transaction::RunLocal runnerFor(Client& client);
  // Commands of the table that should be answered here and have no function: none, or it is a mistake.
  const std::vector<std::string>& missing() const noexcept { return missing_; }

 private:
  void resolve(const protocol::CommandSpec& spec, LocalCommand inherited);
  static LocalCommand entryFor(const protocol::CommandSpec& spec, LocalCommand inherited);
  LocalCommand functionOf(const protocol::CommandSpec& spec) const;

  void noteIfSlow(const Client& client, const protocol::CommandSpec& spec, protocol::Argv argv);

  Services& services_;
  std::vector<LocalCommand> byId_;
  const protocol::CommandSpec* getKeys_ = nullptr;
  std::vector<std::string> missing_;
  std::string out_;
};

}  // namespace slotless::session
