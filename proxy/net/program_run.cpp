#include "proxy/net/program_run.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/net/uv_loop.h"

namespace slotless::net {

namespace {

// The near end of a pipe to which the program writes.
class Pipe {
 public:
  using Take = std::function<void(std::string_view bytes)>;

  ~Pipe() {
    poll_.reset();  // first: a descriptor that is polled must not be closed
    close(near_);
    close(far_);
  }
  bool open(uv_loop_t& loop, Take take) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    near_ = ends[0];
    far_ = ends[1];
    take_ = std::move(take);
    ::fcntl(near_, F_SETFL, O_NONBLOCK);
    poll_ = std::make_unique<OwnedHandle<uv_poll_t>>();
    if (uv_poll_init(&loop, poll_->get(), near_) != 0) return false;
    poll_->initialised(this);
    return uv_poll_start(poll_->get(), UV_READABLE, [](uv_poll_t* handle, int, int) {
             auto* self = static_cast<Pipe*>(handle->data);
             if (self != nullptr) self->drain();
           }) == 0;
  }
  int farEnd() const noexcept { return far_; }
  void closeFarEnd() { close(far_); }
  // What there is; a program that this one has started may hold the pipe open for ever.
  void drain() {
    std::array<char, 4096> chunk;
    for (int reads = 0; reads < kReadsAtOnce; ++reads) {
      const ssize_t length = ::read(near_, chunk.data(), chunk.size());
      if (length > 0) {
        take_(std::string_view(chunk.data(), static_cast<std::size_t>(length)));
        continue;
      }
      const bool more = length < 0 && (errno == EAGAIN || errno == EINTR);
      if (!more) uv_poll_stop(poll_->get());
      return;
    }
  }

 private:
  static constexpr int kReadsAtOnce = 32;
  static void close(int& descriptor) {
    if (descriptor >= 0) ::close(std::exchange(descriptor, -1));
  }

  int near_ = -1;
  int far_ = -1;
  Take take_;
  std::unique_ptr<OwnedHandle<uv_poll_t>> poll_;
};

uv_stdio_container_t passOn(int descriptor) {
  uv_stdio_container_t container{};
  container.flags = UV_INHERIT_FD;
  container.data.fd = descriptor;
  return container;
}

// The program, until it has ended: nobody else takes care that nothing is left of it.
class Running {
 public:
  Running(UvLoop& loop, ProgramRun::Told told) : told_(std::move(told)) {
    patience_ = loop.makeTimer([this] { fail("it did not end in time"); });
  }

  int start(UvLoop& loop, const std::vector<std::string>& words, Millis patience) {
    if (!output_.open(loop.raw(), [this](std::string_view bytes) { takeOutput(bytes); }) ||
        !complaints_.open(loop.raw(), [this](std::string_view bytes) { takeComplaints(bytes); }))
      return uv_translate_sys_error(errno);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    uv_stdio_container_t nothing{};
    nothing.flags = UV_IGNORE;
    std::array descriptors = {nothing, passOn(output_.farEnd()), passOn(complaints_.farEnd())};
    uv_process_options_t options{};
    options.file = arguments.front();
    options.args = arguments.data();
    options.flags = UV_PROCESS_DETACHED;  // a group of its own, so that all of it can be ended
    options.stdio = descriptors.data();
    options.stdio_count = static_cast<int>(descriptors.size());
    options.exit_cb = [](uv_process_t* handle, std::int64_t code, int signal) {
      auto* self = static_cast<Running*>(handle->data);
      if (self != nullptr) self->onExit(code, signal);
    };
    const int code = uv_spawn(&loop.raw(), process_.get(), &options);
    process_.initialised(this);  // whatever has come of it
    output_.closeFarEnd();
    complaints_.closeFarEnd();
    running_ = code == 0;
    if (running_) patience_->start(patience);
    return code;
  }

  int pid() const { return process_->pid; }

  // Nobody is told of anything any more.
  void leave() {
    if (!running_) {
      delete this;
      return;
    }
    left_ = true;
    kill();
  }

 private:
  void kill() {
    if (running_) ::kill(-process_->pid, SIGKILL);
  }

  void fail(const char* why) {
    if (ended_.error.empty()) ended_.error = why;
    kill();
  }

  void takeOutput(std::string_view bytes) {
    if (ended_.output.size() <= ProgramRun::kMostOutput) ended_.output.append(bytes);
    if (ended_.output.size() > ProgramRun::kMostOutput) fail("it printed more than 64 KiB");
  }

  void takeComplaints(std::string_view bytes) {
    ended_.complaints.append(bytes.substr(0, ProgramRun::kMostComplaints - ended_.complaints.size()));
  }

  void onExit(std::int64_t code, int signal) {
    running_ = false;
    patience_->stop();
    if (left_) {
      delete this;
      return;
    }
    output_.drain();
    complaints_.drain();
    if (ended_.error.empty() && signal != 0)
      ended_.error = "it was ended by signal " + std::to_string(signal);
    if (ended_.error.empty() && code != 0) ended_.error = "it ended with code " + std::to_string(code);
    // Moved out first: the callback may leave this object.
    const ProgramRun::Told told = std::move(told_);
    const ProgramRun::Ended ended = std::move(ended_);
    told(ended);
  }

  ProgramRun::Told told_;
  OwnedHandle<uv_process_t> process_;
  std::unique_ptr<Timer> patience_;
  Pipe output_;
  Pipe complaints_;
  ProgramRun::Ended ended_;
  bool running_ = false;
  bool left_ = false;
};

class UvProgramRun final : public ProgramRun {
 public:
  explicit UvProgramRun(std::unique_ptr<Running> running) : running_(std::move(running)) {}
  ~UvProgramRun() override { running_.release()->leave(); }
  int pid() const override { return running_->pid(); }

 private:
  std::unique_ptr<Running> running_;
};

}  // namespace

std::unique_ptr<ProgramRun> ProgramRun::start(UvLoop& loop, const std::vector<std::string>& words,
                                              Millis patience, Told told, std::string& error) {
  auto running = std::make_unique<Running>(loop, std::move(told));
  const int code = running->start(loop, words, patience);
  if (code == 0) return std::make_unique<UvProgramRun>(std::move(running));
  error = uv_strerror(code);
  return nullptr;
}

}  // namespace slotless::net
