#include "fake_client.h"

#include "catch.h"
#include "stage.h"

namespace slotless::test {

FakeConnection& FakeClient::connection() {
  if (connection_ == nullptr) connection_ = stage_->connectClient(worker_);
  return *connection_;
}

void FakeClient::sends(std::initializer_list<std::string_view> texts) {
  std::string bytes;
  for (const std::string_view text : texts) bytes += request(text);
  sendsBytes(bytes);
}

void FakeClient::sendsBytes(std::string_view bytes) {
  connection().push(bytes);
  stage_->settle();
}

std::string FakeClient::takes() {
  stage_->settle();
  return connection().takeWritten();
}

void FakeClient::receives(std::string_view bytes, Where where) {
  INFO("receives at " << where.file_name() << ":" << where.line());
  const std::string got = takes();
  CHECK(shown(got) == shown(bytes));
  const bool same = got == bytes;
  CHECK(same);
}

void FakeClient::receivesNothing(Where where) {
  receives("", where);
}

void FakeClient::leaves() {
  connection().end();
  stage_->settle();
}

void FakeClient::resets() {
  connection().reset();
  stage_->settle();
}

bool FakeClient::isClosed() {
  FakeConnection& own = connection();
  stage_->settle();
  return own.closed();
}

void FakeClient::readsAgain() {
  connection().setWriteCapacity(FakeConnection::kUnlimited);
  stage_->settle();
}

bool FakeClient::isRead() {
  stage_->settle();
  return connection().watchesReadable();
}

}  // namespace slotless::test
