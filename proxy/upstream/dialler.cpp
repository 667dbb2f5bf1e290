#include "proxy/upstream/dialler.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "proxy/net/tls_stream.h"

namespace slotless::upstream {

Dialler::Dialler(net::Loop& loop, net::Address node, net::Stream::Observer& streams, Owner& owner)
    : loop_(loop), node_(std::move(node)), streams_(streams), owner_(owner) {}

void Dialler::dial(net::Millis patience, std::size_t attempt, const Access& access) {
  cancel();
  tls_ = access.tls == nullptr ? nullptr : access.tls->current();
  provenName_ = access.tlsName.empty() ? node_.host : access.tlsName;
  patience_ = patience;
  if (net::isNumericHost(node_.host)) {
    hosts_ = {node_.host};
    return connectToNext({});
  }
  lookUp_ = loop_.resolve(node_.host, patience, [this, attempt](const net::Resolution& resolution) {
    hosts_.assign(resolution.addresses.rbegin(), resolution.addresses.rend());
    if (!hosts_.empty()) {
      const auto turns = static_cast<std::ptrdiff_t>(attempt % hosts_.size());
      std::rotate(hosts_.begin(), hosts_.end() - turns, hosts_.end());
    }
    connectToNext(resolution.error);
  });
}

void Dialler::cancel() {
  lookUp_.reset();
  hosts_.clear();
  stream_.reset();
  failure_.clear();
  if (teller_ != nullptr) teller_->stop();
}

void Dialler::connectToNext(std::string_view lastError) {
  failure_ = lastError;
  stream_.reset();
  while (stream_ == nullptr && !hosts_.empty()) {
    const net::Address numeric{std::move(hosts_.back()), node_.port};
    hosts_.pop_back();
    int error = 0;
    stream_ = connectTo(numeric, error);
    if (stream_ == nullptr) failure_ = std::strerror(error);
  }
  if (stream_ != nullptr) return;
  if (teller_ == nullptr) {
    teller_ = loop_.makeTimer([this] {
      const std::string reason = failure_;  // the call may end this
      owner_.onDialFailed(reason);
    });
  }
  teller_->start(net::Millis{0});
}

std::unique_ptr<net::Stream> Dialler::connectTo(const net::Address& numeric, int& error) {
  if (tls_ == nullptr) return loop_.connect(numeric, streams_, error);
  // A little less than whoever dials has, so that it is told what was missing.
  return net::TlsStream::connect(loop_, tls_, provenName_, numeric, streams_, patience_ - patience_ / 8,
                                 error);
}

void Dialler::onWritable() {
  if (stream_ == nullptr) return;
  if (const int error = stream_->connectError(); error != 0) return connectToNext(stream_->describe(error));
  hosts_.clear();
  owner_.onDialled(std::move(stream_));
}

}  // namespace slotless::upstream
