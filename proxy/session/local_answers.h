// The commands that the proxy answers itself, as a session needs them.
#pragma once
#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/routing/plan.h"
#include "proxy/session/transaction.h"

namespace slotless::session {

class Client;

class LocalAnswers {
 public:
  // Does the proxy answer it? Not if only a node knows (COMMAND GETKEYS of a command whose facts leave its
  // keys open); what is about users only if there are some.
  virtual bool answers(const protocol::CommandSpec& spec, protocol::Argv argv) const = 0;
  // False: it has to wait; nothing has been done, and the client is woken.
  virtual bool run(Client& client, const protocol::CommandSpec& spec, protocol::Argv argv) = 0;
  // Does its reply need others (all workers, mostly)? Then a transaction cannot have it …
  virtual bool isLate(const protocol::CommandSpec& spec) const = 0;
  // … unless it can be waited for behind EXEC.
  virtual bool followsExec(const protocol::CommandSpec& spec) const = 0;
  // For EXEC, of what follows it. True: the reply will be the next that the client's first pending request
  // gets. False: it has been appended.
  virtual bool runLate(Client& client, const protocol::CommandSpec& spec, protocol::Argv argv,
                       std::string& out) = 0;
  // For EXEC: appends replies instead of giving them to the client.
  virtual Transaction::RunLocal runnerFor(Client& client) = 0;
  // A command that nodes are asked for as well: CONFIG and the like. False: it is none of these (or not with
  // these arguments); the router makes the plan.
  virtual bool plan(const protocol::CommandSpec& spec, protocol::Argv argv, routing::Plan& plan) = 0;

 protected:
  ~LocalAnswers() = default;
};

}  // namespace slotless::session
