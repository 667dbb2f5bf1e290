#include "proxy/migrate/change_feed.h"

#include <thread>
#include <utility>

namespace slotless::migrate {

using subcommand::Clock;
using subcommand::Reply;

namespace {

constexpr std::chrono::milliseconds kTurn{20};
constexpr std::chrono::seconds kPulse{1};
constexpr std::chrono::seconds kSilence{15};
constexpr std::chrono::milliseconds kBetweenFeeds{200};
constexpr int kPingsOfBarrier = 2;

subcommand::ConnectOptions withResp3(subcommand::ConnectOptions options) {
  options.resp3 = true;
  return options;
}

}  // namespace

ChangeFeed::ChangeFeed(subcommand::ServerUrl url, subcommand::ConnectOptions options, Listener listener,
                       std::string missed)
    : client_(std::move(url), withResp3(std::move(options))),
      listener_(std::move(listener)),
      missed_(std::move(missed)) {}

bool ChangeFeed::open() {
  if (auto error = client_.open(); !error.empty()) {
    if (error.find("NOPROTO") != std::string::npos || error.find("unknown command") != std::string::npos)
      listener_.failed(client_.url().shown() + " has no RESP3, which the feed of changes needs: " + error);
    return false;
  }
  // It is not allowed everywhere, and only useful where memory runs out.
  client_.command({"CLIENT", "NO-EVICT", "on"});
  const Reply reply = client_.command({"CLIENT", "TRACKING", "on", "BCAST"});
  if (reply.isError()) listener_.failed(client_.url().shown() + ": CLIENT TRACKING on BCAST: " + reply.text);
  return !reply.failed();
}

void ChangeFeed::run() {
  std::string why = missed_;
  while (!listener_.stopped()) {
    if (!open()) {
      std::this_thread::sleep_for(kBetweenFeeds);
      continue;
    }
    pinging_ = false;
    pingsLeft_ = 0;
    // Only now: what has been missed ends here.
    if (!why.empty()) listener_.lost(why);
    up_ = true;
    listen();
    up_ = false;
    why = client_.lastError().empty() ? "no answer" : client_.lastError();
    client_.close();
  }
}

void ChangeFeed::sendPing() {
  client_.append({"PING"});
  client_.send();
  pinging_ = true;
  pingSince_ = Clock::now();
}

void ChangeFeed::listen() {
  auto lastPing = Clock::now();
  while (!listener_.stopped() && client_.isOpen()) {
    // Also where there is always something: barriers must not wait for silence.
    const auto turn = subcommand::in(pinging_ ? kTurn / 4 : kTurn);
    while (Clock::now() < turn && !listener_.stopped()) {
      const auto reply = client_.takePush(turn);
      if (!reply) break;
      take(*reply);
    }
    if (!client_.isOpen()) return;
    const auto now = Clock::now();
    if (pinging_) {
      if (now - pingSince_ > kSilence) return;
      continue;
    }
    const std::uint64_t wanted = barrierWanted_;
    if (pingsLeft_ == 0 && wanted > barrierReached_) {
      barrierAsked_ = wanted;
      pingsLeft_ = kPingsOfBarrier;
    }
    if (pingsLeft_ > 0 || now - lastPing > kPulse) {
      sendPing();
      lastPing = now;
    }
  }
}

void ChangeFeed::take(const Reply& reply) {
  if (reply.kind != Reply::Kind::Push) {
    pinging_ = false;
    if (pingsLeft_ == 0) return;
    if (--pingsLeft_ == 0) {
      barrierReached_ = barrierAsked_;
    } else {
      sendPing();
    }
    return;
  }
  if (reply.items.size() < 2 || reply.items[0].text != "invalidate") return;
  if (reply.items[1].isNothing()) return listener_.flushed();
  for (const Reply& name : reply.items[1].items) listener_.changed(name.text);
}

}  // namespace slotless::migrate
