// What is asked of one side of a migration, and who asks it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/comparable_reply.h"
#include "protocol/slot.h"
#include "proxy/subcommand/reply.h"
#include "proxy/telemetry/shadow_counts.h"

namespace slotless::shadow {

// In the names of its database.
struct Question {
  std::vector<std::string> words;
  std::vector<std::uint32_t> keys;  // which of the words
  protocol::ReplyOrder order = protocol::ReplyOrder::Kept;
};

class Asker {
 public:
  Asker() = default;
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;
  virtual ~Asker() = default;

  // Puts all of them on their way. The reason why not, and then none is; or nothing, and as many receive()
  // follow, in their order, or abandon().
  virtual std::optional<telemetry::ShadowDrop> send(std::uint32_t database,
                                                    const std::vector<Question>& questions) = 0;
  // All of them together have a second.
  virtual subcommand::Reply receive() = 0;
  // Nobody waits for the rest any more.
  virtual void abandon() = 0;
  // Why it could not be reached.
  virtual const std::string& trouble() const noexcept = 0;
  // Where the cluster has what the question at that place is about.
  virtual protocol::Slot slotOf(std::size_t question) const noexcept = 0;
};

}  // namespace slotless::shadow
