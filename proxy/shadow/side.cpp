#include "proxy/shadow/side.h"

#include <algorithm>
#include <set>
#include <span>

#include "config/upstream.h"
#include "proxy/migrate/places.h"

namespace slotless::shadow {

using subcommand::NodeClient;
using subcommand::Reply;
using telemetry::ShadowDrop;

namespace {

// A server that is slower than that is not compared with, and the process may be about to end.
constexpr std::chrono::milliseconds kConnect{500};
constexpr std::chrono::milliseconds kReply{1000};
constexpr std::size_t kMostReplyBytes = std::size_t{1} << 20;
// Beyond those of a usual cluster: nodes that have left are not kept.
constexpr std::size_t kMostClients = 64;
constexpr std::string_view kMovedAway[] = {"MOVED ", "CLUSTERDOWN ", "ASK "};

bool isFromElsewhere(const Reply& reply) {
  if (!reply.isError()) return false;
  for (const std::string_view each : kMovedAway) {
    if (reply.text.starts_with(each)) return true;
  }
  return false;
}

}  // namespace

Side::Side(const config::Config& config, config::Upstream side, std::function<bool()> stops)
    : single_(side == config::Upstream::Single), stops_(std::move(stops)), rules_(config.addressMap) {
  const config::Config own = config::forSide(config, side);
  if (single_) {
    naming_ = std::make_unique<migrate::ServerNames>();
    for (const config::Endpoint& each : own.server)
      seeds_.push_back({each.host, each.port, own.clusterTls, own.username, own.password, 0});
  } else {
    naming_ = std::make_unique<migrate::Places>(own);
    seeds_ = subcommand::clusterUrls(own);
  }
  options_.tls = subcommand::TlsFiles::of(own);
  options_.connectTimeout = kConnect;
  options_.replyTimeout = kReply;
  options_.clientName = "slotless-shadow";
  options_.mostReplyBytes = kMostReplyBytes;
}

// One node after the other, so that a cluster of which none answers does not keep the process from ending.
bool Side::look() {
  subcommand::ConnectOptions questions = options_;
  questions.mostReplyBytes = 0;
  for (const subcommand::ServerUrl& seed : seeds_) {
    if (stops_()) return false;
    auto answer = subcommand::lookAtCluster(std::span(&seed, 1), questions, rules_);
    trouble_ = answer.error;
    if (answer.view == nullptr || !answer.view->complete()) continue;
    view_ = std::move(answer.view);
    return true;
  }
  return false;
}

Side::Drop Side::place(std::uint32_t database, const Question& question) {
  Placed placed{question.words};
  for (std::size_t i = 0; i < question.keys.size(); ++i) {
    std::string& word = placed.words[question.keys[i]];
    const auto found = naming_->of({database, word});
    if (!found) return ShadowDrop::Reserved;
    if (i > 0 && found->slot != placed.slot) return ShadowDrop::Crosses;
    placed.slot = found->slot;
    placed.nodeDatabase = found->nodeDatabase;
    word = found->name;
  }
  placed_.push_back(std::move(placed));
  return std::nullopt;
}

NodeClient& Side::clientOf(const Placed& placed) {
  subcommand::ServerUrl url = single_ ? seeds_.front() : view_->ownerOf(placed.slot)->url;
  url.database = placed.nodeDatabase;
  const std::pair key{url.host + ' ' + std::to_string(url.port), placed.nodeDatabase};
  return clients_.try_emplace(key, url, options_).first->second;
}

Side::Drop Side::send(std::uint32_t database, const std::vector<Question>& questions) {
  placed_.clear();
  received_ = 0;
  for (const Question& each : questions) {
    if (const Drop reason = place(database, each)) return reason;
  }
  if (!single_ && view_ == nullptr && !look()) return ShadowDrop::Unreachable;
  if (clients_.size() >= kMostClients) clients_.clear();
  std::set<NodeClient*> asked;
  for (Placed& each : placed_) asked.insert(each.client = &clientOf(each));
  for (NodeClient* const client : asked) {
    if (write(*client)) continue;
    view_ = nullptr;
    abandon();
    return ShadowDrop::Unreachable;
  }
  deadline_ = std::chrono::steady_clock::now() + kReply;
  return std::nullopt;
}

// It may have been closed while it was idle.
bool Side::write(NodeClient& client) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!client.isOpen()) {
      trouble_ = client.open();
      if (!trouble_.empty()) return false;
    }
    for (const Placed& each : placed_) {
      if (each.client == &client) client.append(std::span<const std::string>(each.words));
    }
    trouble_ = client.send();
    if (trouble_.empty()) return true;
  }
  return false;
}

Reply Side::receive() {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
  Reply reply = placed_[received_++].client->receive(std::max(left, std::chrono::milliseconds(1)));
  if (reply.isLost()) trouble_ = reply.text;
  if (isFromElsewhere(reply)) view_ = nullptr;
  return reply;
}

void Side::abandon() {
  for (; received_ < placed_.size(); ++received_) {
    if (placed_[received_].client != nullptr) placed_[received_].client->close();
  }
}

}  // namespace slotless::shadow
