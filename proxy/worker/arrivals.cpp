#include "proxy/worker/arrivals.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "config/network.h"
#include "protocol/proxy_header.h"

namespace slotless::worker {

namespace {

net::Address addressOf(const protocol::ProxyHeader& header) {
  const bool ipv4 = config::isMappedIpv4(header.source);
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(ipv4 ? AF_INET : AF_INET6, header.source.data() + (ipv4 ? 12 : 0), text.data(), text.size());
  return {text.data(), header.sourcePort};
}

}  // namespace

class Arrivals::Arrival final : public net::Stream::Observer {
 public:
  Arrival(Arrivals& all, const Accepted& accepted, net::TimePoint deadline)
      : accepted_(accepted), deadline_(deadline), all_(all) {}
  virtual ~Arrival() = default;

  bool adopt() {
    stream_ = net::RelayedStream::adopt(all_.loop_, accepted_.descriptor, *this);
    return stream_ != nullptr;
  }
  const Accepted& accepted() const noexcept { return accepted_; }
  net::TimePoint deadline() const noexcept { return deadline_; }
  net::RelayedStream& stream() noexcept { return *stream_; }
  std::unique_ptr<net::RelayedStream> release() noexcept { return std::move(stream_); }

  // Never more than the header: what follows belongs to whoever reads next.
  void onReadable() override {
    for (;;) {
      const protocol::ProxyHeader header = protocol::parseProxyHeader(read_);
      if (header.status == protocol::ProxyHeader::Status::Malformed)
        return all_.refuse(*this, header.problem);
      if (header.status == protocol::ProxyHeader::Status::Complete) {
        if (header.hasSource) stream_->setPeer(addressOf(header));
        return all_.settle(*this);
      }
      const std::size_t before = read_.size();
      read_.resize(before + header.bytes);
      const net::IoResult got = stream_->read(read_.data() + before, header.bytes);
      read_.resize(before + got.bytes);
      if (got.status == net::IoStatus::WouldBlock) return;
      if (got.status != net::IoStatus::Ok)
        return all_.refuse(*this,
                           read_.empty() ? std::string_view() : "the connection ended within its header");
    }
  }
  void onWritable() override {}

 private:
  const Accepted accepted_;
  const net::TimePoint deadline_;
  Arrivals& all_;
  std::unique_ptr<net::RelayedStream> stream_;
  std::string read_;
};

Arrivals::Arrivals(net::Loop& loop, Events events) : loop_(loop), events_(std::move(events)) {}

Arrivals::~Arrivals() = default;

void Arrivals::await(const Accepted& accepted,
                     const std::function<bool(const net::Address& peer)>& believed) {
  auto arrival = std::make_unique<Arrival>(*this, accepted, loop_.now() + kPatience);
  if (!arrival->adopt()) return events_.refused({}, "it cannot be polled");
  const net::Address peer = arrival->stream().peer();
  if (!believed(peer)) {
    arrival.reset();
    return events_.refused(peer, "it comes from no trusted address");
  }
  waiting_.push_back(std::move(arrival));
  startTimer();
}

void Arrivals::close() {
  while (!waiting_.empty()) {
    waiting_.pop_front();
    events_.refused({}, {});
  }
}

std::unique_ptr<Arrivals::Arrival> Arrivals::take(Arrival& arrival) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const auto& each) { return each.get() == &arrival; });
  std::unique_ptr<Arrival> taken = std::move(*found);
  waiting_.erase(found);
  return taken;
}

void Arrivals::settle(Arrival& arrival) {
  const auto taken = take(arrival);
  const Accepted accepted = taken->accepted();
  events_.arrived(accepted, taken->release());
}

void Arrivals::refuse(Arrival& arrival, std::string_view reason) {
  auto taken = take(arrival);
  const net::Address peer = taken->stream().peer();
  taken->release();
  events_.refused(peer, reason);
}

void Arrivals::closeLate() {
  while (!waiting_.empty() && waiting_.front()->deadline() <= loop_.now())
    refuse(*waiting_.front(), "its header has not come in time");
  startTimer();
}

void Arrivals::startTimer() {
  if (waiting_.empty()) return;
  if (timer_ == nullptr) timer_ = loop_.makeTimer([this] { closeLate(); });
  if (timer_->active()) return;
  const auto left = std::chrono::ceil<net::Millis>(waiting_.front()->deadline() - loop_.now());
  timer_->start(std::max(left, net::Millis{1}));
}

}  // namespace slotless::worker
