// A chain of blocks behaves as one string, whatever is done to it: seeded random operations against a
// std::string.
#include "proxy/net/byte_chain.h"

#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"

namespace slotless::net {
namespace {

std::string gathered(const ByteChain& chain, std::size_t mostPieces, std::size_t skip) {
  std::vector<iovec> pieces(mostPieces);
  const std::size_t filled = chain.gather(pieces, skip);
  REQUIRE(filled <= mostPieces);
  std::string bytes;
  for (std::size_t i = 0; i < filled; ++i) {
    CHECK(pieces[i].iov_len > 0);
    bytes.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  return bytes;
}

// Two chains and the strings that they ought to hold.
class Model {
 public:
  explicit Model(std::uint64_t seed) : engine_(seed) {}

  void step() {
    switch (below(8)) {
      case 0:
      case 1: return appendBytes();
      case 2: return appendBlock();
      case 3: return consumeSome();
      case 4: return spliceOther();
      case 5: return copySome();
      case 6: return swapRoles();
      default: return moveAway();
    }
  }

  void check() {
    REQUIRE(one_.size() == oneText_.size());
    REQUIRE(one_.empty() == oneText_.empty());
    REQUIRE(other_.size() == otherText_.size());
    const std::size_t skip = below(oneText_.size() + 1);
    const std::string seen = gathered(one_, 1 + below(4), skip);
    REQUIRE(seen == oneText_.substr(skip, seen.size()));
    REQUIRE((seen.empty() == (skip == oneText_.size())));
    REQUIRE(gathered(one_, 10000, 0) == oneText_);
    REQUIRE(other_.toString() == otherText_);
    REQUIRE(pool_.bytesInUse() >= oneText_.size() + otherText_.size());
  }

  void finish() {
    one_.clear();
    other_.consume(other_.size());
    REQUIRE(one_.empty());
    REQUIRE(pool_.bytesInUse() == 0);
  }

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }

  // Mostly small, at times larger than any recycled block, often just around the sizes of blocks.
  std::string randomBytes() {
    static constexpr std::array<std::size_t, 6> kEdges = {0, 512, 2048, 4096, 16384, 50000};
    const std::size_t edge = kEdges[below(kEdges.size())];
    std::string bytes(edge + below(5), '\0');
    if (below(2) == 0) bytes.resize(below(100));
    for (char& c : bytes) c = static_cast<char>(static_cast<unsigned char>(below(256)));
    return bytes;
  }

  void appendBytes() {
    const std::string bytes = randomBytes();
    one_.append(bytes);
    oneText_ += bytes;
  }
  void appendBlock() {
    const std::string bytes = randomBytes();
    BlockPtr block = pool_.take(bytes.size() + below(3000));
    block->append(bytes);
    block->begin = below(bytes.size() + 1);
    oneText_ += block->view();
    one_.append(std::move(block));
  }
  void consumeSome() {
    const std::size_t bytes = below(4) == 0 ? oneText_.size() : below(oneText_.size() + 1);
    one_.consume(bytes);
    oneText_.erase(0, bytes);
  }
  void spliceOther() {
    one_.splice(other_);
    oneText_ += std::exchange(otherText_, {});
  }
  void copySome() {
    const std::size_t from = below(oneText_.size() + 1);
    const std::size_t count = below(oneText_.size() - from + 1);
    one_.copyTo(other_, from, count);
    otherText_ += oneText_.substr(from, count);
  }
  void swapRoles() {
    std::swap(one_, other_);
    std::swap(oneText_, otherText_);
  }
  void moveAway() {
    ByteChain moved(std::move(one_));
    REQUIRE(one_.empty());
    one_.append("x");
    one_ = std::move(moved);
    REQUIRE(moved.empty());
  }

  BlockPool pool_;
  ByteChain one_{pool_};
  ByteChain other_{pool_};
  std::string oneText_;
  std::string otherText_;
  std::mt19937_64 engine_;
};

TEST_CASE("a chain holds what a string would hold after any operations", "[chain]") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    Model model(seed);
    for (int step = 0; step < 80; ++step) {
      model.step();
      model.check();
    }
    model.finish();
  }
}

TEST_CASE("a small chain takes a small block, and one that goes on takes full ones", "[chain]") {
  BlockPool pool;
  ByteChain chain(pool);
  chain.append("+OK\r\n");
  CHECK(pool.bytesInUse() == 512);
  chain.append(std::string(1000, 'x'));
  CHECK(pool.bytesInUse() == 512 + 16384);
}

TEST_CASE("a large block is taken over in place, a small one is copied", "[chain]") {
  BlockPool pool;
  ByteChain chain(pool);
  BlockPtr large = pool.take(100000);
  large->append(std::string(90000, 'l'));
  const char* where = large->data();
  chain.append(std::move(large));
  BlockPtr small = pool.take(512);
  small->append("small");
  const char* smallWhere = small->data();
  chain.append(std::move(small));
  std::array<iovec, 4> pieces{};
  REQUIRE(chain.gather(pieces) == 1);  // the small one has found room behind the large one
  CHECK(pieces[0].iov_base == where);
  CHECK(pieces[0].iov_base != smallWhere);
  CHECK(chain.size() == 90005);
}

TEST_CASE("splicing a large chain moves its blocks, splicing a small one fills up the last block",
          "[chain]") {
  BlockPool pool;
  ByteChain chain(pool);
  ByteChain small(pool);
  ByteChain large(pool);
  chain.append("begin,");
  small.append("small,");
  large.append(std::string(5000, 'l'));
  std::array<iovec, 4> pieces{};
  REQUIRE(large.gather(pieces) == 1);
  const void* where = pieces[0].iov_base;
  chain.splice(small);
  CHECK(chain.gather(pieces) == 1);
  CHECK(small.empty());
  chain.splice(large);
  REQUIRE(chain.gather(pieces) == 2);
  CHECK(pieces[1].iov_base == where);
  CHECK(large.empty());
  large.append("usable again");
  CHECK(large.toString() == "usable again");
}

TEST_CASE("appending nothing and splicing an empty chain change nothing", "[chain]") {
  BlockPool pool;
  ByteChain chain(pool);
  ByteChain nothing(pool);
  chain.append(std::string_view{});
  chain.splice(nothing);
  CHECK(chain.empty());
  CHECK(pool.bytesInUse() == 0);
  chain.append("x");
  chain.append(std::string_view{});
  chain.splice(nothing);
  CHECK(chain.toString() == "x");
  std::array<iovec, 1> none{};
  CHECK(chain.gather(std::span<iovec>(none).first(0)) == 0);
}

}  // namespace
}  // namespace slotless::net
