// The part of a worker that makes clients of accepted connections.
#include <array>
#include <utility>

#include "config/listener.h"
#include "proxy/net/tls_stream.h"
#include "proxy/session/admission.h"
#include "proxy/telemetry/log.h"
#include "proxy/worker/worker.h"

namespace slotless::worker {

using session::Client;

namespace {

// Where a login may take any time.
constexpr net::Millis kHandshakePatience{60'000};

}  // namespace

void Worker::adopt(int descriptor, std::uint64_t clientId, std::size_t listener) {
  accepted_.push_back({descriptor, clientId, listener});
  if (received_ < kArrivalsPerTurn) receiveSome(1);
}

void Worker::receiveSome(std::size_t most) {
  for (; most > 0 && !accepted_.empty(); --most) {
    const Accepted next = accepted_.front();
    accepted_.pop_front();
    ++received_;
    receive(next);
  }
}

// Before something changes that is to concern those as well who have been accepted before.
void Worker::receiveAll() {
  receiveSome(accepted_.size());
}

void Worker::receive(const Accepted& accepted) {
  touch();
  const config::Listener& place = config_.listen[accepted.listener];
  if (config::effective(place.options.proxyProtocol, config_.proxyProtocol)) {
    return arrivals_.await(accepted, [&](const net::Address& peer) {
      return session::isTrustedBalancer(services_, accepted.listener, peer);
    });
  }
  auto client = std::make_unique<Client>(services_, accepted.client, accepted.listener);
  std::unique_ptr<net::Stream> stream;
  if (config::usesTls(config_, place)) {
    stream = net::TlsStream::adopt(loop, control_.tlsForClients()->current(), accepted.descriptor,
                                   client->observer(), handshakePatience());
  } else {
    stream = loop.adopt(accepted.descriptor, client->observer());
  }
  if (stream == nullptr) return control_.clientGone();
  takeIn(std::move(client), std::move(stream));
}

void Worker::onArrived(const Accepted& accepted, std::unique_ptr<net::RelayedStream> relayed) {
  touch();
  auto client = std::make_unique<Client>(services_, accepted.client, accepted.listener);
  std::unique_ptr<net::Stream> stream;
  if (config::usesTls(config_, config_.listen[accepted.listener])) {
    stream = net::TlsStream::adopt(loop, control_.tlsForClients()->current(), std::move(relayed),
                                   client->observer(), handshakePatience());
  } else {
    relayed->setObserver(client->observer());
    stream = std::move(relayed);
  }
  takeIn(std::move(client), std::move(stream));
}

void Worker::onNotArrived(const net::Address& peer, std::string_view reason) {
  touch();
  if (!reason.empty()) session::noteRefusedHeader(services_, peer, reason);
  control_.clientGone();
  tellIfDrained();
}

// Its handshake counts as a part of the login, and has a little less time, so that it is known what was
// missing.
net::Millis Worker::handshakePatience() const {
  const net::Millis patience =
      config_.clientLoginTimeout.count() > 0 ? config_.clientLoginTimeout : kHandshakePatience;
  return patience - patience / 8;
}

void Worker::takeIn(std::unique_ptr<Client> arrived, std::unique_ptr<net::Stream> stream) {
  Client& client = *arrived;
  net::Stream& connection = *stream;
  client.attach(std::move(stream));
  if (std::string_view line; !session::admits(client, services_, line)) {
    // Best effort, as with max-clients; a handshake would have to come first.
    if (!line.empty() && !config::usesTls(config_, config_.listen[client.listener()])) {
      const iovec piece{const_cast<char*>(line.data()), line.size()};
      static_cast<void>(connection.write({&piece, 1}));
      static_cast<void>(connection.read(scratch_.data(), scratch_.size()));
    }
    control_.clientGone();
    return;
  }
  const config::ListenerOptions& options = client.listenerOptions();
  if (options.readFrom) client.readFrom = *options.readFrom;
  const databases::Numbering& numbering =
      options.databaseMap ? databases_.numbering(*options.databaseMap) : databases_.numbering();
  const std::uint64_t home = options.defaultDatabase.value_or(config_.defaultDatabase);
  client.setNumbering(numbering, numbering.same() ? databases_.at(home) : numbering.at(0));
  client.writeOnLostLink = options.writeOnLostLink;
  client.crossSlotTransactions = options.crossSlotTransactions;
  metrics_.clientsAccepted.add();
  metrics_.clients.add(1);
  log::debug("client accepted", {{"client", client.id()}, {"peer", client.peer().text()}});
  clients_.emplace(client.id(), std::move(arrived));
  client.welcome();
  if (draining_) client.close("shutting down");
}

}  // namespace slotless::worker
