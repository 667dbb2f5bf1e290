// The users of one worker: what each may do with the commands that are known, and which clients are whose.
//
// The users themselves are the process's (access::Roster). Whoever changes them, or the commands, has every
// worker look at them anew: refresh(). Clients refer to what is kept here, and are told when it changes.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"
#include "protocol/key_uses.h"
#include "proxy/access/permission.h"
#include "proxy/access/roster.h"
#include "proxy/databases/database.h"
#include "proxy/net/loop.h"
#include "proxy/session/user_ledger.h"

namespace slotless::session {

class Client;
struct Services;

class Accounts {
 public:
  explicit Accounts(Services& services) : services_(services), ledger_(services) {}

  // Users have been configured. Otherwise nothing of this is in force.
  bool on() const noexcept { return users_ != nullptr && users_->on; }
  // nullptr: nobody of that name.
  const access::Permission* find(std::string_view name) const;
  // What a connection begins as: the default user, if that needs no password.
  const access::Permission* initial() const;
  const access::Roster::SnapshotPtr& users() const noexcept { return users_; }
  access::Vocabulary vocabulary() const;

  // The configuration may say something else about users than before.
  void configure();
  // The users may be others, or the commands. Clients go on by their users' new rules; those whose user is
  // gone, or off, or listens to what it may not hear any more, are closed. The one that has asked for it,
  // by its id, is closed behind its reply, and not for having switched its own user off.
  void refresh(std::uint64_t asking = 0);

  std::vector<protocol::KeyUse>& scratch() noexcept { return scratch_; }
  // As ACL LOG shows the client. Not made anew for each request of a pipeline that is refused: what it shows
  // changes with the client's commands and with the worker's clock.
  const std::string& describe(const Client& client);
  // What the clients of each have had.
  UserLedger& ledger() noexcept { return ledger_; }

 private:
  using Permissions = std::map<std::string, std::shared_ptr<const access::Permission>, std::less<>>;

  // Of users that are the same, and commands that are, what is there already is used again.
  Permissions compile(bool sameCommands) const;
  void tell(Client& client, std::uint64_t asking);
  // Of a client that has no user yet.
  void settle(Client& client);

  Services& services_;
  access::Roster::SnapshotPtr users_;
  Permissions permissions_;
  std::shared_ptr<const protocol::CommandTable> table_;  // by which they were made
  std::vector<protocol::KeyUse> scratch_;
  struct Description {
    std::uint64_t client = 0;
    std::uint64_t commands = 0;
    net::TimePoint at{};
    std::string line;
  };
  Description description_;
  UserLedger ledger_;
};

// Where a client begins that has logged in; nullptr: where it is.
const databases::Database* firstDatabaseOf(const access::Permission& account, const Client& client,
                                           const databases::Databases& databases);

}  // namespace slotless::session
