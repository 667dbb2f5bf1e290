#include "proxy/migrate/replicated.h"

#include <string>

#include "protocol/slot_tags.h"

namespace slotless::migrate {

using subcommand::NodeClient;
using subcommand::Reply;

bool isReplicated(const subcommand::ClusterMaster& master, protocol::Slot slot,
                  const subcommand::ConnectOptions& options, std::chrono::milliseconds patience) {
  if (master.replicas == 0) return true;
  NodeClient node(master.url, options);
  // WAIT speaks of what its own connection has written: a key that nobody ever sees.
  const std::string key = "~{" + std::string(protocol::SlotTags::get().of(slot)) + "}:replicated";
  for (const Reply& reply : {node.command({"MULTI"}), node.command({"SET", key, ""}),
                             node.command({"DEL", key}), node.command({"EXEC"})}) {
    if (reply.failed()) return false;
  }
  const Reply reply = node.command({"WAIT", "1", std::to_string(patience.count())});
  // Who may not ask that has to believe it.
  if (reply.isError()) return reply.text.starts_with("NOPERM");
  return reply.kind == Reply::Kind::Integer && reply.integer > 0;
}

}  // namespace slotless::migrate
