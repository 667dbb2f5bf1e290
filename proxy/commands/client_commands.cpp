#include "proxy/commands/client_commands.h"

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "proxy/session/client.h"
#include "proxy/session/client_snapshot.h"

namespace slotless::session {

using protocol::appendBulk;
using protocol::appendError;
using protocol::appendInteger;
using protocol::appendSimple;
using protocol::equalsIgnoringCase;

namespace {

constexpr std::string_view kSyntaxError = "ERR syntax error";

void setFlag(LocalCall& call, bool& flag) {
  const bool on = equalsIgnoringCase(call.argv[2], "on");
  if (!on && !equalsIgnoringCase(call.argv[2], "off")) return appendError(call.out, kSyntaxError);
  flag = on;
  appendSimple(call.out, "OK");
}

}  // namespace

void clientInfo(LocalCall& call) {
  std::string line;
  ClientFacts facts = factsOf(call.client, call.services);
  facts.inputBytes += sizeOf(call.argv);
  appendClientLine(line, facts, call.services.manners);
  protocol::appendVerbatimText(call.out, call.client.protocol, line);
}

// What is not known does no harm.
void clientCapabilities(LocalCall& call) {
  for (const std::string_view word : call.argv.subspan(2)) {
    if (equalsIgnoringCase(word, "redirect")) call.client.takesRedirects = true;
  }
  appendSimple(call.out, "OK");
}

// Links are shared: who would see expired keys (Valkey's import mode) has to do so at the nodes.
void clientImportSource(LocalCall& call) {
  if (equalsIgnoringCase(call.argv[2], "off")) return appendSimple(call.out, "OK");
  appendError(call.out, "ERR Server is not in import mode");
}

void clientNoEvict(LocalCall& call) {
  setFlag(call, call.client.noEvict);
}

void clientNoTouch(LocalCall& call) {
  setFlag(call, call.client.noTouch);
}

void clientReply(LocalCall& call) {
  ReplySwitch& replies = call.client.replySwitch();
  if (equalsIgnoringCase(call.argv[2], "on")) {
    replies.turn(true);
    return appendSimple(call.out, "OK");
  }
  if (equalsIgnoringCase(call.argv[2], "off")) return replies.turn(false);
  if (equalsIgnoringCase(call.argv[2], "skip")) return replies.skipNext();
  appendError(call.out, kSyntaxError);
}

}  // namespace slotless::session
