#include "proxy/console/order_kinds.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/strict_integer.h"
#include "proxy/commands/client_commands.h"
#include "proxy/commands/client_walk.h"
#include "proxy/commands/setting_changes.h"
#include "proxy/observe/client_filter.h"
#include "proxy/observe/text_lines.h"
#include "proxy/session/client.h"
#include "proxy/session/pause_gate.h"
#include "proxy/session/services.h"
#include "proxy/session/worker_poll.h"

namespace slotless::session {

using pubsub::PeerAnswer;
using pubsub::PeerAnswered;
using pubsub::PeerOrder;

namespace {

// So that the answer is there in time (peers::kOrderPatience), on its way from the other proxy included.
constexpr net::Millis kQuietPatience{600};
// As far as time points go.
constexpr std::int64_t kLongestPause = std::int64_t{10} * 365 * 24 * 3600 * 1000;
// No client has this number, nor 0, which the status page has.
constexpr std::uint64_t kOtherProxies = std::numeric_limits<std::uint64_t>::max();

struct Course {
  Services& services;
  const std::vector<std::string_view> words;  // without the first one
  const PeerOrder& order;
  std::uint64_t asking;
  std::size_t room;
  PeerAnswered done;
};

PeerAnswer answerOf(const TextLines& text) {
  PeerAnswer answer;
  answer.state = PeerAnswer::State::Done;
  answer.text = text.text();
  return answer;
}

// --- PROXY CLIENTS ---

struct LinesPart {
  std::vector<std::pair<std::uint64_t, std::string>> lines;  // by id
  std::size_t bytes = 0;
  std::uint64_t leftOut = 0;
};

std::string noArguments(const Services&, protocol::Argv words) {
  return words.empty() ? std::string() : "ERR syntax error";
}

void tellClients(Course& course) {
  askAboutClients<LinesPart>(
      course.services,
      [room = course.room](Services& services, std::size_t worker, Client& client, LinesPart& part) {
        std::string line = consoleClientLine(services, worker, client);
        if (part.bytes + line.size() > room) {
          ++part.leftOut;
          return;
        }
        part.bytes += line.size();
        part.lines.emplace_back(client.id(), std::move(line));
      },
      [done = course.done](std::vector<LinesPart> parts) {
        PeerAnswer answer;
        std::uint64_t clients = 0;
        for (LinesPart& part : parts) {
          std::sort(part.lines.begin(), part.lines.end());
          for (const auto& [id, line] : part.lines) answer.lines += line;
          answer.leftOut += part.leftOut;
          clients += part.lines.size() + part.leftOut;
        }
        TextLines text;
        text.pair("clients", clients);
        answer.state = PeerAnswer::State::Done;
        answer.text = text.text();
        done(std::move(answer));
      });
}

// --- PROXY KILL ---

// A user that nobody has here may have clients at another proxy.
std::optional<ClientFilter> filterOf(const Services& services, protocol::Argv words, std::string& error) {
  const FilterContext context{services.manners, [](std::string_view) { return true; },
                              services.databases.size(), false};
  if (words.empty()) {
    error = "ERR syntax error";
    return std::nullopt;
  }
  auto filter = parseFilter(words, context, error);
  if (filter && !(filter->wanted.ids.empty() && filter->unwanted.ids.empty())) {
    error = "ERR with ALL there is no ID: each proxy has ids of its own";
    return std::nullopt;
  }
  return filter;
}

std::string whyNoFilter(const Services& services, protocol::Argv words) {
  std::string error;
  filterOf(services, words, error);
  return error;
}

void killClients(Course& course) {
  std::string error;
  const KillOrder order{filterOf(course.services, course.words, error).value_or(ClientFilter{}),
                        course.asking};
  askAboutClients<std::int64_t>(
      course.services,
      [order](Services& services, std::size_t, Client& client, std::int64_t& killed) {
        killIfMatching(services, client, order, killed);
      },
      [done = course.done](const std::vector<std::int64_t>& parts) {
        TextLines text;
        text.pair("killed", std::accumulate(parts.begin(), parts.end(), std::int64_t{0}));
        done(answerOf(text));
      });
}

// --- PROXY PAUSE and RESUME ---

std::optional<std::pair<net::Millis, net::Millis>> timesOf(protocol::Argv words) {
  if (words.size() != 2) return std::nullopt;
  const auto patience = protocol::strictInteger(words[0]);
  const auto duration = protocol::strictInteger(words[1]);
  if (!patience || *patience < 0 || !duration || *duration < 1) return std::nullopt;
  return std::pair(net::Millis(std::min(*patience, kLongestPause)),
                   net::Millis(std::min(*duration, kLongestPause)));
}

// Of a connection that ends the others hear nothing, so it is the time that has to end it.
std::string whyNoTimes(const Services&, protocol::Argv words) {
  return timesOf(words) ? std::string()
                        : "ERR with ALL a pause needs a duration: PROXY PAUSE milliseconds duration ALL";
}

void pauseClients(Course& course) {
  const auto [patience, duration] = timesOf(course.words).value_or(std::pair(net::Millis{}, net::Millis{}));
  Services* services = &course.services;
  const bool isHere = course.asking != 0;
  const Closing closing{isHere ? course.asking : kOtherProxies, course.order.by,
                        services->host.now + duration};
  const auto closeHere = [closing, home = services](Services& there, std::size_t) {
    Closing own = closing;
    own.tells = &there == home;
    there.gate.close(own);
    return true;
  };
  closeHere(*services, 0);  // what this client has sent behind it is concerned, too
  const auto told = [done = course.done](std::size_t inFlight) {
    TextLines text;
    text.pair("paused", "yes").pair("in-flight", inFlight);
    done(answerOf(text));
  };
  askWorkers<bool>(*services, closeHere,
                   [services, told, wait = std::min(patience, kQuietPatience)](const std::vector<bool>&) {
                     services->gate.awaitQuiet(told, wait);
                   });
}

void resumeClients(Course& course) {
  const auto open = [](Services& services, std::size_t) { return services.gate.open(); };
  const bool wasPaused = open(course.services, 0);
  askWorkers<bool>(course.services, open, [done = course.done, wasPaused](const std::vector<bool>& parts) {
    const bool any = wasPaused || std::find(parts.begin(), parts.end(), true) != parts.end();
    TextLines text;
    text.pair("was-paused", any ? "yes" : "no");
    done(answerOf(text));
  });
}

// --- PROXY CONFIG SET ---

std::string whyNoSettings(const Services& services, protocol::Argv words) {
  if (words.size() < 3 || words.size() % 2 == 0 || !protocol::equalsIgnoringCase(words[0], "set"))
    return "ERR syntax error: PROXY CONFIG SET name value [name value ...] [ALL]";
  std::string error;
  readProxySettings(services.config, words.subspan(1), error);
  return error;
}

void changeSettings(Course& course) {
  std::string error;
  const protocol::Argv pairs = protocol::Argv(course.words).subspan(1);
  if (const auto settings = readProxySettings(course.services.config, pairs, error))
    putInForce(course.services, *settings);
  TextLines text;
  text.pair("changed", pairs.size() / 2);
  course.done(answerOf(text));
}

struct OrderKind {
  std::string_view word;
  std::string (*whyNot)(const Services& services, protocol::Argv words);
  void (*run)(Course& course);
};
constexpr OrderKind kOrderKinds[] = {
    {"clients", noArguments, tellClients},  {"config", whyNoSettings, changeSettings},
    {"kill", whyNoFilter, killClients},     {"pause", whyNoTimes, pauseClients},
    {"resume", noArguments, resumeClients},
};

const OrderKind* kindOf(const PeerOrder& order) {
  const auto* found = std::find_if(
      std::begin(kOrderKinds), std::end(kOrderKinds),
      [&](const OrderKind& each) { return !order.words.empty() && each.word == order.words.front(); });
  return found == std::end(kOrderKinds) ? nullptr : found;
}

std::vector<std::string_view> argumentsOf(const PeerOrder& order) {
  return {order.words.begin() + 1, order.words.end()};
}

}  // namespace

std::string whyNoOrder(const Services& services, const PeerOrder& order) {
  const OrderKind* kind = kindOf(order);
  if (kind == nullptr) return "ERR this proxy does not know how to do that";
  if (pubsub::changesSomething(kind->word) && !services.config.allowAdminCommands)
    return "ERR '" + order.words.front() + "' concerns all clients, and allow-admin-commands is not set here";
  return kind->whyNot(services, argumentsOf(order));
}

void carryOut(Services& services, const PeerOrder& order, std::uint64_t asking, std::size_t room,
              const PeerAnswered& done) {
  if (std::string error = whyNoOrder(services, order); !error.empty()) {
    PeerAnswer refusal;
    refusal.state = PeerAnswer::State::Refused;
    refusal.text = std::move(error);
    return done(std::move(refusal));
  }
  Course course{services, argumentsOf(order), order, asking, room, done};
  kindOf(order)->run(course);
}

}  // namespace slotless::session
