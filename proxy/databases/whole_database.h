// DBSIZE, FLUSHDB, KEYS, RANDOMKEY and SCAN of a pinned database, as scripts for the owner of its slot: so
// they can stand in a transaction like any other command. Pure.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/databases/database.h"
#include "proxy/routing/plan.h"

namespace slotless::databases {

struct Rewritten {
  std::string error;  // if not empty, it is the answer
  std::string_view command;
  std::vector<std::string> argv;
  std::unique_ptr<routing::Composer> composer;  // of the client's reply
};

// `random`: any number. `eval`: eval or eval_ro, for what only reads.
Rewritten rewriteForPinned(protocol::WholeDatabase what, protocol::Argv argv, const Database& database,
                           int protocol, std::uint32_t random, std::string_view eval = "eval_ro");

// "FLUSHDB [ASYNC | SYNC]"
bool isFlush(protocol::Argv argv);

}  // namespace slotless::databases
