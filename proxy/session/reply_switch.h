// CLIENT REPLY: whether the requests of one client get replies.
#pragma once

namespace slotless::session {

class ReplySwitch {
 public:
  // Of the request at hand.
  bool muted() const noexcept { return off_ || skip_; }
  bool off() const noexcept { return off_; }
  void turn(bool on) noexcept {
    off_ = !on;
    if (on) skip_ = false;
  }
  // The request at hand (CLIENT REPLY SKIP itself) and the next one get none.
  void skipNext() noexcept {
    if (off_) return;
    skip_ = true;
    skipNext_ = true;
  }
  // The request at hand has been dealt with.
  void next() noexcept {
    skip_ = skipNext_;
    skipNext_ = false;
  }

 private:
  bool off_ = false;
  bool skip_ = false;
  bool skipNext_ = false;
};

}  // namespace slotless::session
