// One client, played by a test: `client.sends("GET a")`, `client.receives("$1\r\n1\r\n")`.
//
// Bytes that no test expected fail the test at its end.
#pragma once
#include <initializer_list>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>

#include "fake_loop.h"
#include "resp_text.h"

namespace slotless::test {

class Stage;
using Where = std::source_location;

class FakeClient {
 public:
  // Connects with its first words.
  explicit FakeClient(Stage& stage, std::size_t worker = 0) : stage_(&stage), worker_(worker) {}

  // Each as one request of RESP; all in one piece.
  void sends(std::string_view text) { sendsBytes(request(text)); }
  void sends(std::initializer_list<std::string_view> texts);
  void sendsBytes(std::string_view bytes);
  // All that has come since the last call is exactly that.
  void receives(std::string_view bytes, Where where = Where::current());
  void receivesNothing(Where where = Where::current());
  // The same for long replies, which a failure does not print.
  std::string takes();

  // Ends its connection, in order or not.
  void leaves();
  void resets();
  bool isClosed();

  void stopsReading() { connection().setWriteCapacity(0); }
  void readsOnly(std::size_t bytes) { connection().setWriteCapacity(bytes); }
  void readsAgain();
  // The proxy is willing to take more from it.
  bool isRead();

  FakeConnection& connection();
  bool everConnected() const noexcept { return connection_ != nullptr; }

 private:
  Stage* stage_;
  std::size_t worker_;
  std::shared_ptr<FakeConnection> connection_;
};

}  // namespace slotless::test
