// Reads one response to a POST, HTTP/1.1 or 1.0, in whatever pieces it comes. Source: RFC 9112.
//
// Bounded: of the head so many bytes are taken, of the body so many are kept; more is a response that makes
// no sense.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slotless::trace {

class HttpResponse {
 public:
  static constexpr std::size_t kMostHeadBytes = std::size_t{16} * 1024;
  static constexpr std::size_t kMostBodyBytes = std::size_t{64} * 1024;

  enum class State : std::uint8_t { Reading, Complete, Wrong };

  // Bytes behind the end of a response belong to none: Wrong.
  State feed(std::string_view bytes);
  // No more will come.
  State end();

  State state() const noexcept { return state_; }
  // Something of it has come.
  bool begun() const noexcept { return begun_; }
  // The rest is good once it is Complete.
  int status() const noexcept { return status_; }
  const std::string& body() const noexcept { return body_; }
  // As seconds; one by a date is not taken.
  std::optional<std::chrono::seconds> retryAfter() const noexcept { return retryAfter_; }
  // Another request may follow on the connection.
  bool keepsConnection() const noexcept { return keeps_; }

 private:
  enum class Part : std::uint8_t { Head, Sized, ToEnd, ChunkSize, Chunk, ChunkEnd, Trailer };

  // False: there is not enough yet.
  bool goOn();
  bool takeHead();
  bool takeLine(std::string& line);
  bool readStatus(std::string_view line);
  bool readHeader(std::string_view line);
  void beginBody();
  bool takeChunkSize();
  bool takeBody(Part next);
  bool fail();
  bool complete();

  State state_ = State::Reading;
  Part part_ = Part::Head;
  bool begun_ = false;
  std::string input_;
  std::size_t headBytes_ = 0;
  bool hasStatus_ = false;
  int status_ = 0;
  bool keeps_ = true;
  bool chunked_ = false;
  std::optional<std::size_t> length_;
  std::size_t left_ = 0;  // of the body, or of the chunk
  std::optional<std::chrono::seconds> retryAfter_;
  std::string body_;
};

}  // namespace slotless::trace
