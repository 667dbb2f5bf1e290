// A host for links over the fake loop: writes down what links tell it.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "fake_loop.h"
#include "proxy/telemetry/worker_metrics.h"
#include "proxy/upstream/link.h"

namespace slotless::test {

// A request that writes its outcome down as one word after the other.
class Asker final : public upstream::Exchange {
 public:
  void onReply(std::string_view bytes, bool last) override {
    outcome += bytes;
    if (last) outcome += "|";
  }
  void onErrorReply(std::string_view line, const upstream::SentRequest& sent) override {
    outcome += "error:" + std::string(line) + "|";
    keep(sent);
  }
  void onLost(upstream::Loss loss, const upstream::SentRequest& sent) override {
    outcome += loss == upstream::Loss::Sent   ? "lost:sent|"
               : loss == upstream::Loss::Late ? "late|"
                                              : "lost:unsent|";
    keep(sent);
  }

  std::string outcome;
  std::string request;  // as the link gave it back

 private:
  void keep(const upstream::SentRequest& sent) {
    net::BlockPool pool;
    net::ByteChain copy(pool);
    sent.copyTo(copy);
    request = copy.toString();
  }
};

class LinkBench : public upstream::LinkHost {
 public:
  LinkBench() : upstream::LinkHost(loop_, pool_, scratch_) {
    settings.access.clientName = "slotless";
    loop_.onConnect = [this](const std::shared_ptr<FakeConnection>& made) {
      connections.push_back(made);
      if (acceptsConnections) made->accept();
    };
    loop_.atTurnEnd([this] { flushDirty(); });
  }
  virtual ~LinkBench() { CHECK(pool_.bytesInUse() == 0); }

  void onLinkReady(upstream::Link&) override { ++ready; }
  void onLinkLost(upstream::Link& link, std::string_view reason, bool established) override {
    losses.push_back(std::string(reason));
    lastEstablished = established;
    std::erase(dirty, &link);
  }
  void onLinkDirty(upstream::Link& link) override { dirty.push_back(&link); }
  void onLinkSilence(upstream::Link&, bool) override {}
  std::uint32_t random(std::uint32_t bound) override { return bound == 0 ? 0 : highest ? bound - 1 : 0; }

  FakeLoop& fake() { return loop_; }
  FakeConnection& connection() { return *connections.back(); }
  void says(std::string_view bytes) {
    connection().push(bytes);
    loop_.settle();
  }
  // Connected and through the handshake.
  void bringUp(upstream::Link& link) {
    link.open();
    loop_.settle();
    says("+PONG\r\n+OK\r\n+OK\r\n:7\r\n");
    REQUIRE(link.ready());
    connection().takeWritten();
  }
  void flushDirty() {
    for (upstream::Link* link : std::exchange(dirty, {})) link->flush();
  }
  net::Millis timeToNextTimer() const {
    return std::chrono::duration_cast<net::Millis>(loop_.nextTimer() - loop_.now());
  }

  upstream::LinkSettings settings;
  telemetry::WorkerMetrics metrics{0};
  bool acceptsConnections = true;
  bool highest = false;  // what random() gives: the lowest or the highest number
  std::vector<std::shared_ptr<FakeConnection>> connections;
  std::vector<upstream::Link*> dirty;
  std::vector<std::string> losses;
  bool lastEstablished = false;
  int ready = 0;

 private:
  FakeLoop loop_;
  net::BlockPool pool_;
  std::string scratch_ = std::string(4096, '\0');
};

// The bench and one link to a node.
class OneLink : public LinkBench {
 public:
  explicit OneLink(net::Address node = {"127.0.0.1", 7000})
      : nodeMetrics(metrics.addNode(node.text())),
        link(std::make_unique<upstream::Link>(*this, settings, std::move(node), nodeMetrics)) {}
  ~OneLink() override { link.reset(); }

  telemetry::NodeMetrics& nodeMetrics;
  std::unique_ptr<upstream::Link> link;
};

}  // namespace slotless::test
