#include "fake_connection.h"

#include <algorithm>

namespace slotless::test {

void FakeConnection::reset(int error) {
  error_ = error;
  input_.clear();
  settled_ = true;
  if (connecting_ && connectError_ == 0) connectError_ = error;
}

bool FakeConnection::wantsRead() const noexcept {
  if (closed_ || !readable_ || connecting()) return false;
  return !input_.empty() || reminded_ || ended_ || error_ != 0 || connectError_ != 0;
}

bool FakeConnection::wantsWrite() const noexcept {
  if (closed_ || !writable_ || connecting()) return false;
  return (writeCapacity_ > 0 && unsent_ == 0) || error_ != 0 || connectError_ != 0;
}

net::IoResult FakeConnection::read(char* into, std::size_t capacity) {
  ++readCalls_;
  if (connecting()) return {net::IoStatus::WouldBlock, 0, 0};
  if (connectError_ != 0) return {net::IoStatus::Failed, 0, connectError_};
  if (holdsBack_ || !held_.empty()) return readHeld(into, capacity);
  if (error_ != 0 && input_.empty()) return {net::IoStatus::Failed, 0, error_};
  if (input_.empty()) return {ended_ ? net::IoStatus::End : net::IoStatus::WouldBlock, 0, 0};
  const std::size_t bytes = std::min({capacity, readChunk_, input_.size()});
  std::copy_n(input_.data(), bytes, into);
  input_.erase(0, bytes);
  return {net::IoStatus::Ok, bytes, 0};
}

net::IoResult FakeConnection::readHeld(char* into, std::size_t capacity) {
  reminded_ = false;
  held_ += std::exchange(input_, {});
  if (held_.empty() && error_ != 0) return {net::IoStatus::Failed, 0, error_};
  if (held_.empty()) return {ended_ ? net::IoStatus::End : net::IoStatus::WouldBlock, 0, 0};
  const std::size_t bytes = std::min({capacity, readChunk_, held_.size()});
  std::copy_n(held_.data(), bytes, into);
  held_.erase(0, bytes);
  return {net::IoStatus::Ok, bytes, 0, !held_.empty()};
}

net::IoResult FakeConnection::write(std::span<const iovec> pieces) {
  ++writeCalls_;
  if (connecting()) return {net::IoStatus::WouldBlock, 0, 0};
  if (connectError_ != 0) return {net::IoStatus::Failed, 0, connectError_};
  if (error_ != 0) return {net::IoStatus::Failed, 0, error_};
  std::size_t left = std::min(writeCapacity_, writeChunk_);
  std::size_t bytes = 0;
  for (const iovec& piece : pieces) {
    const std::size_t count = std::min(left, piece.iov_len);
    output_.append(static_cast<const char*>(piece.iov_base), count);
    bytes += count;
    left -= count;
  }
  if (writeCapacity_ != kUnlimited) writeCapacity_ -= bytes;
  return {bytes == 0 ? net::IoStatus::WouldBlock : net::IoStatus::Ok, bytes, 0};
}

}  // namespace slotless::test
