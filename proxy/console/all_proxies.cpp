#include "proxy/console/all_proxies.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "proxy/commands/late_reply.h"
#include "proxy/console/order_kinds.h"
#include "proxy/observe/text_lines.h"
#include "proxy/pubsub/census.h"
#include "proxy/pubsub/monitor_text.h"
#include "proxy/pubsub/peer_desk.h"
#include "proxy/pubsub/peer_words.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

using pubsub::PeerAnswer;

namespace {

struct StateText {
  std::string_view answered;
  std::string_view reason;  // the name of what says why not; empty: nothing is to be said
};
// In the order of PeerAnswer::State.
constexpr std::array<StateText, 4> kStateTexts = {
    {{"yes", ""}, {"refused", "error"}, {"not-asked", "why"}, {"no", ""}}};

// Where proxies have no password, anybody may have written it.
std::string onOneLine(const std::string& text) {
  const bool isPlain =
      std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= ' '; });
  return isPlain ? text : pubsub::quotedText(text);
}

void appendAnswer(std::string& out, const PeerAnswer& answer, std::string_view who) {
  const StateText& state = kStateTexts[static_cast<std::size_t>(answer.state)];
  const std::string id = pubsub::quotedText(answer.id);
  TextLines head;
  head.pair("proxy", id).pair("who", who).pair("answered", state.answered);
  if (!state.reason.empty()) head.pair(state.reason, pubsub::quotedText(answer.text));
  out += head.text();
  if (answer.state == PeerAnswer::State::Done) out += " " + onOneLine(answer.text);
  if (answer.leftOut > 0) out += " left-out=" + std::to_string(answer.leftOut);
  out += " place=" + pubsub::quotedText(answer.place) + "\n";
  for (std::string_view rest = answer.lines; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    out.append("proxy=").append(id).append(" ").append(line).append("\n");
  }
}

// What has come until now, of this proxy and of the others.
struct Together {
  PeerAnswer own;
  pubsub::PeerAnswers others;
  int missing = 2;

  std::string text(const pubsub::PeerReport* report) const {
    const auto isDone = [](const PeerAnswer& each) { return each.state == PeerAnswer::State::Done; };
    const auto done = std::count_if(others.begin(), others.end(), isDone) + (isDone(own) ? 1 : 0);
    TextLines head;
    head.pair("proxies", others.size() + 1)
        .pair("answered", done)
        .pair("peers", pubsub::channelWord(report))
        .end();
    std::string out = head.text();
    appendAnswer(out, own, "self");
    for (const PeerAnswer& each : others) appendAnswer(out, each, "other");
    return out;
  }
};

}  // namespace

bool asksAll(const LocalCall& call, std::size_t place) {
  return call.argv.size() == place + 1 && protocol::equalsIgnoringCase(call.argv[place], "all");
}

void forAllProxies(LocalCall& call) {
  const protocol::Argv said = call.argv.subspan(1, call.argv.size() - 2);
  pubsub::PeerOrder order{{said.begin(), said.end()}, call.client.peer().text()};
  for (char& letter : order.words.front()) letter = protocol::lowerAscii(letter);
  if (const std::string error = whyNoOrder(call.services, order); !error.empty())
    return protocol::appendError(call.out, error);
  Services* services = &call.services;
  const std::uint64_t asking = call.client.id();
  Request* request = &replyLater(call);
  auto together = std::make_shared<Together>();
  const auto settle = [services, request, together] {
    if (--together->missing > 0) return;
    services->host.touch();
    std::string reply;
    if (request->client != nullptr) {
      const pubsub::PeerReportPtr report = services->hub.census().peers();
      if (report != nullptr) {
        together->own.id = report->self.id;
        together->own.place = report->self.place;
      }
      protocol::appendVerbatimText(reply, clientOf(*request).protocol, together->text(report.get()));
    }
    finishLate(*services, *request, reply);
  };
  pubsub::PeerDesk::ofProcess().ask(order, services->host.loop,
                                    [together, settle](pubsub::PeerAnswers answers) {
                                      together->others = std::move(answers);
                                      settle();
                                    });
  carryOut(*services, order, asking, std::numeric_limits<std::size_t>::max(),
           [together, settle](PeerAnswer own) {
             together->own = std::move(own);
             settle();
           });
}

}  // namespace slotless::session
