// SPDY/3.1 frames, read and written: what kubectl up to 1.29 and containerd speak for exec, attach
// and port-forward. Pure. All integers are big endian.
//
//   control: 1 version(15)=3 type(16) flags(8) length(24) payload
//   data:    0 stream(31) flags(8) length(24) bytes
//
// Header blocks are compressed by one zlib stream a direction for the whole connection, so frames
// must be written and read in order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace skiff::http {

using SpdyStreamId = uint32_t;

enum class SpdyType : uint16_t {
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kHeaders = 8,
  kWindowUpdate = 9,
};

// Of RST_STREAM.
inline constexpr uint32_t kSpdyProtocolError = 1;
inline constexpr uint32_t kSpdyRefused = 3;
inline constexpr uint32_t kSpdyCancel = 5;

// What a frame said, once it is whole; data comes piece by piece instead.
struct SpdyControl {
  SpdyType type = SpdyType::kPing;
  bool fin = false;
  SpdyStreamId stream = 0;
  uint32_t value = 0;  // Status of RST_STREAM and GOAWAY, id of PING.
  Headers headers;
};

class SpdyWriter {
 public:
  SpdyWriter();
  ~SpdyWriter();
  std::string SynStream(SpdyStreamId stream, const Headers& headers);
  std::string SynReply(SpdyStreamId stream);
  static std::string DataHead(SpdyStreamId stream, size_t length, bool fin);
  static std::string RstStream(SpdyStreamId stream, uint32_t status);
  static std::string Ping(uint32_t id);
  static std::string GoAway(SpdyStreamId last_good, uint32_t status);

 private:
  std::string Compress(const Headers& headers);
  struct Zlib;
  const std::unique_ptr<Zlib> zlib_;
};

class SpdyReader {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void OnControl(SpdyControl control) = 0;
    // A piece of a data frame. Returns how much of it was taken; less stops reading there.
    virtual size_t OnData(SpdyStreamId stream, std::string_view bytes) = 0;
    virtual void OnFin(SpdyStreamId stream) = 0;
  };

  explicit SpdyReader(Sink& sink);
  ~SpdyReader();
  // Returns how many bytes were taken, all unless the sink took less; nullopt when they are no
  // SPDY/3.1, and then the connection must be closed.
  std::optional<size_t> Read(std::string_view bytes);

 private:
  static constexpr size_t kControlBytesMax = 64 << 10;
  static constexpr size_t kBlockBytesMax = 256 << 10;  // Decompressed.
  bool OnFrameHead();
  bool OnControlFrame();
  bool ReadHeaders(std::string_view block, Headers& headers);
  bool Decompress(std::string_view block, std::string& out);

  Sink& sink_;
  struct Zlib;
  const std::unique_ptr<Zlib> zlib_;
  std::string frame_;  // Head, then payload of a control frame, as far as it has come.
  bool in_data_ = false;
  SpdyStreamId stream_ = 0;  // Of the data frame.
  bool fin_ = false;
  size_t left_ = 0;  // Of its bytes.
};

}  // namespace skiff::http
