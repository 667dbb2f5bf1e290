#include "proxy/downstream/stall_watch.h"

#include <algorithm>

#include "proxy/downstream/client_connection.h"

namespace slotless::session {

StallWatch::StallWatch(net::Loop& loop) : timer_(loop.makeTimer([this] { tick(); })) {}

void StallWatch::watch(ClientConnection& client) {
  if (std::find(clients_.begin(), clients_.end(), &client) == clients_.end()) clients_.push_back(&client);
  if (!timer_->active()) timer_->start(kPatience);
}

void StallWatch::forget(ClientConnection& client) {
  std::erase(clients_, &client);
}

void StallWatch::tick() {
  // Whoever is still stalled comes back through watch().
  const std::vector<ClientConnection*> clients = std::move(clients_);
  clients_.clear();
  for (ClientConnection* client : clients) {
    if (!client->stalled()) continue;
    if (client->takeProgress()) {
      watch(*client);  // a slow reader, not one that waits for us
    } else {
      client->raiseAllowance();
    }
  }
}

}  // namespace slotless::session
