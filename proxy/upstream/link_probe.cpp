#include "proxy/upstream/link_probe.h"

#include <algorithm>
#include <charconv>

#include "protocol/denial.h"
#include "proxy/telemetry/denials.h"

namespace slotless::upstream {

namespace {

constexpr net::Millis kFirstPause{500};
constexpr net::Millis kLongestPause{8000};
// What the node has said on the silent connection before it answered here has come by then.
constexpr net::Millis kGrace{200};
// Where the node does not tell: longer than it pauses clients for a planned failover (10 s).
constexpr net::Millis kSilenceUntold{20'000};
// One client's line is shorter.
constexpr std::size_t kMaxAnswer = 16U * 1024;
// The node's clock for it has whole seconds.
constexpr int kIdleSeconds = 1;

// The value of `field=` in a line of CLIENT LIST; empty: there is none.
std::string_view fieldOf(std::string_view line, std::string_view field) {
  const std::size_t at = line.find(field);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + field.size());
  return line.substr(0, line.find_first_of(" \r\n"));
}

}  // namespace

LinkProbe::LinkProbe(LinkHost& host, const LinkSettings& settings, const net::Address& node,
                     std::int64_t clientId)
    : LinkHost(host.loop, host.pool, host.scratch),
      host_(host),
      settings_(settings),
      node_(node),
      question_(clientId == 0 ? formatCommand({"PING"})
                              : formatCommand({"CLIENT", "LIST", "ID", std::to_string(clientId)})),
      pause_(kFirstPause) {
  settings_.role = LinkRole::Lease;  // ends when it is lost
  settings_.protocol = 2;
  settings_.readOnly = false;
  settings_.replyTimeout = net::Millis{0};
  settings_.suspectAfter = net::Millis{0};
  settings_.heartbeat = net::Millis{0};
  connect();
}

LinkProbe::~LinkProbe() = default;

void LinkProbe::connect() {
  touch();
  lost_ = false;
  LinkHost& self = *this;
  link_ = std::make_unique<Link>(self, settings_, node_, metrics_);
  link_->open();
}

void LinkProbe::waitLonger() {
  const auto pause = pause_.count();
  notBefore_ = now + net::Millis(pause / 2 + random(static_cast<std::uint32_t>(pause / 2 + 1)));
  pause_ = std::min(2 * pause_, kLongestPause);
}

void LinkProbe::ask() {
  asking_ = true;
  answer_.clear();
  link_->send(*this, question_, Front::None);
  link_->flush();
}

void LinkProbe::onLinkReady(Link&) {
  ask();
}

void LinkProbe::onLinkLost(Link&, std::string_view, bool) {
  touch();
  lost_ = true;
  verdict_ = Verdict::None;
  waitLonger();
}

void LinkProbe::onReply(std::string_view bytes, bool last) {
  if (answer_.size() < kMaxAnswer) answer_.append(bytes.substr(0, kMaxAnswer - answer_.size()));
  if (!last) return;
  if (settings_.access.denials != nullptr)
    settings_.access.denials->worked(telemetry::Deniable::ClientList, node_);
  if (answer_.starts_with("$0\r\n")) return settle(Verdict::Dead);  // the node has no such connection
  const std::string_view flags = fieldOf(answer_, " flags=");
  const std::string_view idle = fieldOf(answer_, " idle=");
  int seconds = 0;
  const auto parsed = std::from_chars(idle.data(), idle.data() + idle.size(), seconds);
  if (flags.empty() || idle.empty() || parsed.ec != std::errc{}) return settle(Verdict::Unknown);
  const bool keptWaiting = flags.find('b') != std::string_view::npos;
  settle(keptWaiting || seconds < kIdleSeconds ? Verdict::Alive : Verdict::Dead);
}

void LinkProbe::onErrorReply(std::string_view line, const SentRequest&) {
  if (settings_.access.denials != nullptr && protocol::isDenial(line))
    settings_.access.denials->note(telemetry::Deniable::ClientList, node_, line, now);
  const bool busy = line.starts_with("-BUSY") || line.starts_with("-LOADING");
  settle(busy ? Verdict::None : Verdict::Unknown);
}

void LinkProbe::onLost(Loss, const SentRequest&) {
  asking_ = false;
}

void LinkProbe::settle(Verdict verdict) {
  asking_ = false;
  answeredAt_ = now;
  verdict_ = verdict;
  waitLonger();
}

bool LinkProbe::showsDead(net::TimePoint::duration silence) {
  touch();
  if (lost_) {
    if (now >= notBefore_) connect();
    return false;
  }
  if (asking_ || !link_->ready()) return false;
  const bool dead = verdict_ == Verdict::Dead || (verdict_ == Verdict::Unknown && silence >= kSilenceUntold);
  if (dead) return now - answeredAt_ >= kGrace;
  if (now >= notBefore_) ask();
  return false;
}

}  // namespace slotless::upstream
