// Finds out whether a connection on which a node says nothing is dead, or its node only busy: asks the node
// on another one.
//
// A node that is busy answers on neither (or BUSY). One that answers is asked what it knows of the silent
// connection (CLIENT LIST ID): is it gone, or idle though something was sent on it, then it is dead, as
// behind a firewall that has forgotten it. A connection that the node itself keeps waiting (paused for a
// failover, a module's command) is not. Ownership: the silent link's; not to be destroyed inside of its own
// callbacks. One connection at a time, made again with pauses that double. Source: CLIENT LIST of Redis 6.2
// to 8 and Valkey; older ones, or an ACL, do not tell: there a longer silence counts.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/upstream/link.h"

namespace slotless::upstream {

class LinkProbe final : private LinkHost, private Exchange {
 public:
  // `clientId`: the node's number for the silent connection; 0: not known.
  LinkProbe(LinkHost& host, const LinkSettings& settings, const net::Address& node, std::int64_t clientId);
  ~LinkProbe();

  // Goes on asking. True: the connection, silent for so long, is dead.
  bool showsDead(net::TimePoint::duration silence);

 private:
  enum class Verdict : std::uint8_t {
    None,     // no answer yet: the node may be busy
    Alive,    // the node keeps it waiting, or is at work on it
    Unknown,  // the node answers, and does not tell
    Dead,
  };

  void onLinkReady(Link& link) override;
  void onLinkLost(Link& link, std::string_view reason, bool established) override;
  void onLinkDirty(Link&) override {}
  void onLinkSilence(Link&, bool) override {}
  std::uint32_t random(std::uint32_t bound) override { return host_.random(bound); }
  void onReply(std::string_view bytes, bool last) override;
  void onErrorReply(std::string_view line, const SentRequest& request) override;
  void onLost(Loss loss, const SentRequest& request) override;

  void connect();
  void ask();
  void settle(Verdict verdict);
  void waitLonger();

  LinkHost& host_;
  LinkSettings settings_;
  const net::Address node_;
  std::string question_;
  std::string answer_;
  telemetry::NodeMetrics metrics_;  // nobody's: not a link that serves
  std::unique_ptr<Link> link_;
  Verdict verdict_ = Verdict::None;
  bool asking_ = false;
  bool lost_ = false;
  net::TimePoint answeredAt_{};
  net::TimePoint notBefore_{};  // the next question, or the next connection
  net::Millis pause_;
};

}  // namespace slotless::upstream
