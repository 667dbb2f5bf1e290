#include "proxy/commands/connection_commands.h"

#include <sys/time.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <utility>

#include "protocol/encoder.h"
#include "proxy/commands/authentication.h"
#include "proxy/commands/late_reply.h"
#include "proxy/emulation/replica_facts.h"
#include "proxy/observe/trace_context.h"
#include "proxy/session/client.h"
#include "proxy/session/client_snapshot.h"
#include "proxy/translation/translation.h"

namespace slotless::session {

using protocol::appendArrayHeader;
using protocol::appendBulk;
using protocol::appendError;
using protocol::appendInteger;
using protocol::appendSimple;

namespace {

// Not one of Redis's: which trace the requests that follow belong to, see docs/operations.md. Empty: none.
void setTraceParent(LocalCall& call, std::string_view text) {
  if (text.empty()) {
    call.client.setTraceParent(nullptr);
    return appendSimple(call.out, "OK");
  }
  const auto parent = observe::parseTraceParent(text);
  if (!parent)
    return appendError(call.out,
                       "ERR traceparent has to be 00-<32 hex digits>-<16 hex digits>-<2 hex digits>, "
                       "as W3C Trace Context has it, or empty");
  call.client.setTraceParent(std::make_unique<const observe::TraceParent>(*parent));
  appendSimple(call.out, "OK");
}

void setReadOnly(LocalCall& call, bool on) {
  if (!call.services.manners.takesReadOnly) return clusterDisabled(call);
  call.client.readOnly = on;
  appendSimple(call.out, "OK");
}

}  // namespace

void ping(LocalCall& call) {
  if (call.argv.size() > 2) return appendError(call.out, "ERR wrong number of arguments for 'ping' command");
  if (call.client.conversation().mode() == Mode::Subscribed) {
    // RESP2: every reply in this mode has the shape of a message.
    appendArrayHeader(call.out, 2);
    appendBulk(call.out, "pong");
    return appendBulk(call.out, call.argv.size() == 2 ? call.argv[1] : std::string_view());
  }
  if (call.argv.size() == 2) {
    appendBulk(call.out, call.argv[1]);
  } else {
    appendSimple(call.out, "PONG");
  }
  // Who caches uses PING to hear of everything that has changed before.
  Tracking* tracking = call.client.conversation().tracking();
  if (tracking == nullptr || !tracking->hasLive() || call.client.protocol < 3 || call.inTransaction) return;
  const std::string reply = std::exchange(call.out, {});
  tracking->answerBehindPushes(replyLater(call), reply);
}

void echo(LocalCall& call) {
  appendBulk(call.out, call.argv[1]);
}

void quit(LocalCall& call) {
  appendSimple(call.out, "OK");
  call.client.closeAfterReply();
}

void select(LocalCall& call) {
  std::string error;
  const databases::Database* chosen = databaseNamed(call.client.numbering(), call.argv[1], error);
  if (chosen == nullptr) return appendError(call.out, error);
  const Client::Passage passage = call.client.mayChoose(*chosen, error);
  if (passage == Client::Passage::Refused) return appendError(call.out, error);
  // Within EXEC it has been asked when it was queued.
  call.waits = passage == Client::Passage::Wait && !call.inTransaction;
  if (call.waits) return;
  call.client.select(*chosen);
  appendSimple(call.out, "OK");
}

void clusterDisabled(LocalCall& call) {
  appendError(call.out, "ERR This instance has cluster support disabled");
}

void readOnly(LocalCall& call) {
  setReadOnly(call, true);
}

void readWrite(LocalCall& call) {
  setReadOnly(call, false);
}

void clientId(LocalCall& call) {
  appendInteger(call.out, static_cast<std::int64_t>(call.client.id()));
}

void clientGetName(LocalCall& call) {
  if (call.client.name.empty()) return protocol::appendNull(call.out, call.client.protocol);
  appendBulk(call.out, call.client.name);
}

void clientSetName(LocalCall& call) {
  if (const auto objection = objectionToName(call.argv[2], kClientNames))
    return appendError(call.out, *objection);
  call.client.name = call.argv[2];
  appendSimple(call.out, "OK");
}

void clientSetInfo(LocalCall& call) {
  std::string attribute(call.argv[2]);
  std::transform(attribute.begin(), attribute.end(), attribute.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (attribute == "traceparent") return setTraceParent(call, call.argv[3]);
  if (attribute != "lib-name" && attribute != "lib-ver") {
    return appendError(call.out, "ERR Unrecognized option '" + std::string(call.argv[2]) + "'");
  }
  if (const auto objection = objectionToName(call.argv[3], attribute))
    return appendError(call.out, *objection);
  (attribute == "lib-name" ? call.client.libraryName : call.client.libraryVersion) = call.argv[3];
  appendSimple(call.out, "OK");
}

void role(LocalCall& call) {
  appendArrayHeader(call.out, 3);
  appendBulk(call.out, "master");
  appendInteger(call.out, 0);
  const std::size_t replicas = call.services.links.topology().fewestReplicas();
  const net::Address own = ownAddress(call.client, call.services);
  appendArrayHeader(call.out, replicas);
  for (std::size_t i = 0; i < replicas; ++i) {
    appendArrayHeader(call.out, 3);
    appendBulk(call.out, own.host);
    appendBulk(call.out, std::to_string(own.port));
    appendBulk(call.out, "0");
  }
}

void time(LocalCall& call) {
  timeval now{};
  gettimeofday(&now, nullptr);
  appendArrayHeader(call.out, 2);
  appendBulk(call.out, std::to_string(now.tv_sec));
  appendBulk(call.out, std::to_string(now.tv_usec));
}

void whoAmI(LocalCall& call) {
  appendBulk(call.out, clientUser(call.client, call.services));
}

}  // namespace slotless::session
