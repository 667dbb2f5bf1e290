// The part of a worker that a cut-over is: from one server, whose databases are its own, to the cluster's.
#include "proxy/worker/worker.h"

namespace slotless::worker {

void Worker::relocate(const Place& place) {
  receiveAll();
  touch();
  for (const auto& [id, client] : clients_) client->vacate();
  nodeDatabases_.forget();
  databases_.layOut(*place.config);
  config_.side = place.config->side;  // or setConfig() would take it for one from before
  access_ = place.access;
  setConfig(*place.config);
  setCommands(place.commands, place.servers);
  hub_.connectAnew();
  setTopology(place.topology);
  for (const auto& [id, client] : clients_) client->relocate();
  gate_.shut(false);
}

}  // namespace slotless::worker
