// A transaction as it arrives at a node: MULTI, what was queued, EXEC, in one piece on one connection.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "stage.h"

namespace slotless::test {

class Batch {
 public:
  // Fails the test unless the node's next requests are exactly that.
  Batch(FakeNode& node, std::initializer_list<std::string_view> commands, Where where = Where::current()) {
    parts_.push_back(node.expects("MULTI", where));
    for (const std::string_view command : commands) parts_.push_back(node.expects(command, where));
    parts_.push_back(node.expects("EXEC", where));
    for (const Received& part : parts_) CHECK(&part.connection() == &connection());
  }

  // OK, QUEUED for each command, and EXEC's reply.
  void replies(std::string_view exec) const { refuses("+QUEUED\r\n", exec); }
  // `queued` instead of QUEUED, for each command.
  void refuses(std::string_view queued, std::string_view exec) const {
    std::string bytes = "+OK\r\n";
    for (std::size_t i = 2; i < parts_.size(); ++i) bytes += queued;
    parts_.back().replies(bytes + std::string(exec));
  }
  void isAborted(std::string_view cause) const {
    refuses(cause, "-EXECABORT Transaction discarded because of previous errors.\r\n");
  }
  FakeConnection& connection() const { return parts_.front().connection(); }

 private:
  std::vector<Received> parts_;
};

}  // namespace slotless::test
