#include "http/spdy_frames.h"

#include <zlib.h>

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "http/spdy_dictionary.h"

namespace skiff::http {
namespace {

constexpr size_t kHeadBytes = 8;
constexpr uint32_t kStreamMask = 0x7fffffff;

const std::string& Dictionary() {
  static const std::string dictionary = *FromBase64(kSpdyDictionaryBase64);
  return dictionary;
}

const Bytef* Raw(std::string_view bytes) {
  return reinterpret_cast<const Bytef*>(bytes.data());
}

void Put(uint64_t value, int bytes, std::string& out) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint32_t Get(std::string_view bytes, size_t at, int count = 4) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::string ControlHead(SpdyType type, bool fin, size_t length) {
  std::string out;
  Put(0x8003, 2, out);
  Put(static_cast<uint16_t>(type), 2, out);
  Put(fin ? 1 : 0, 1, out);
  Put(length, 3, out);
  return out;
}

// Two numbers behind a control head.
std::string Pair(SpdyType type, uint32_t first, uint32_t second) {
  std::string out = ControlHead(type, false, 8);
  Put(first, 4, out);
  Put(second, 4, out);
  return out;
}

}  // namespace

struct SpdyWriter::Zlib {
  z_stream stream{};
};

SpdyWriter::SpdyWriter() : zlib_(std::make_unique<Zlib>()) {
  // A small window and little memory: the blocks are a few short headers, the dictionary is 1.4 KB.
  CHECK(deflateInit2(&zlib_->stream, Z_BEST_SPEED, Z_DEFLATED, 12, 3, Z_DEFAULT_STRATEGY) == Z_OK);
  deflateSetDictionary(&zlib_->stream, Raw(Dictionary()), static_cast<uInt>(Dictionary().size()));
}

SpdyWriter::~SpdyWriter() {
  deflateEnd(&zlib_->stream);
}

std::string SpdyWriter::Compress(const Headers& headers) {
  std::string block;
  std::string names;
  uint32_t count = 0;
  for (auto it = headers.begin(); it != headers.end(); ++count) {
    std::string name = it->first;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    std::string value;
    for (const auto last = headers.upper_bound(it->first); it != last; ++it) {
      if (!value.empty()) value.push_back('\0');
      value += it->second;
    }
    Put(name.size(), 4, names);
    names += name;
    Put(value.size(), 4, names);
    names += value;
  }
  Put(count, 4, block);
  block += names;
  z_stream& stream = zlib_->stream;
  std::string out(deflateBound(&stream, block.size()) + 64, '\0');
  stream.next_in = const_cast<Bytef*>(Raw(block));
  stream.avail_in = static_cast<uInt>(block.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_in == 0 && stream.avail_out > 0);
  out.resize(out.size() - stream.avail_out);
  return out;
}

std::string SpdyWriter::SynStream(SpdyStreamId stream, const Headers& headers) {
  const std::string block = Compress(headers);
  std::string out = ControlHead(SpdyType::kSynStream, false, 10 + block.size());
  Put(stream, 4, out);
  Put(0, 6, out);  // No associated stream, priority 0, slot 0.
  return out + block;
}

std::string SpdyWriter::SynReply(SpdyStreamId stream) {
  const std::string block = Compress({});
  std::string out = ControlHead(SpdyType::kSynReply, false, 4 + block.size());
  Put(stream, 4, out);
  return out + block;
}

std::string SpdyWriter::DataHead(SpdyStreamId stream, size_t length, bool fin) {
  std::string out;
  Put(stream, 4, out);
  Put(fin ? 1 : 0, 1, out);
  Put(length, 3, out);
  return out;
}

std::string SpdyWriter::RstStream(SpdyStreamId stream, uint32_t status) {
  return Pair(SpdyType::kRstStream, stream, status);
}

std::string SpdyWriter::Ping(uint32_t id) {
  std::string out = ControlHead(SpdyType::kPing, false, 4);
  Put(id, 4, out);
  return out;
}

std::string SpdyWriter::GoAway(SpdyStreamId last_good, uint32_t status) {
  return Pair(SpdyType::kGoAway, last_good, status);
}

struct SpdyReader::Zlib {
  z_stream stream{};
};

SpdyReader::SpdyReader(Sink& sink) : sink_(sink), zlib_(std::make_unique<Zlib>()) {
  CHECK(inflateInit(&zlib_->stream) == Z_OK);
}

SpdyReader::~SpdyReader() {
  inflateEnd(&zlib_->stream);
}

std::optional<size_t> SpdyReader::Read(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size()) {
    if (in_data_) {
      const auto piece = bytes.substr(taken, left_);
      const size_t count = sink_.OnData(stream_, piece);
      taken += count;
      left_ -= count;
      if (left_ == 0 && !OnFrameHead()) return std::nullopt;
      if (count < piece.size()) return taken;
      continue;
    }
    const size_t wanted = frame_.size() < kHeadBytes ? kHeadBytes : kHeadBytes + Get(frame_, 5, 3);
    const auto piece = bytes.substr(taken, wanted - frame_.size());
    frame_ += piece;
    taken += piece.size();
    if (frame_.size() >= kHeadBytes && !OnFrameHead()) return std::nullopt;
  }
  return taken;
}

// Looks at frame_, or at the end of a data frame, and begins what comes next.
bool SpdyReader::OnFrameHead() {
  if (in_data_) {
    in_data_ = false;
    if (fin_) sink_.OnFin(stream_);
    return true;
  }
  const uint32_t length = Get(frame_, 5, 3);
  if ((frame_[0] & 0x80) != 0) {
    if (Get(frame_, 0, 2) != 0x8003 || length > kControlBytesMax) return false;
    if (frame_.size() < kHeadBytes + length) return true;
    const bool good = OnControlFrame();
    frame_.clear();
    return good;
  }
  stream_ = Get(frame_, 0);
  fin_ = (frame_[4] & 1) != 0;
  left_ = length;
  frame_.clear();
  in_data_ = true;
  return left_ > 0 || OnFrameHead();
}

bool SpdyReader::OnControlFrame() {
  const std::string_view payload = std::string_view(frame_).substr(kHeadBytes);
  SpdyControl control{.type = static_cast<SpdyType>(Get(frame_, 2, 2)),
                      .fin = (frame_[4] & 1) != 0};
  size_t block_at = 0;
  switch (control.type) {
    case SpdyType::kSynStream:
      block_at = 10;
      break;
    case SpdyType::kSynReply:
    case SpdyType::kHeaders:
      block_at = 4;
      break;
    case SpdyType::kRstStream:
    case SpdyType::kGoAway:
      if (payload.size() != 8) return false;
      control.value = Get(payload, 4);
      break;
    case SpdyType::kPing:
      if (payload.size() != 4) return false;
      control.value = Get(payload, 0);
      break;
    default:
      return true;  // SETTINGS, WINDOW_UPDATE and what is yet to be invented: nobody minds.
  }
  if (payload.size() < std::max<size_t>(4, block_at)) return false;
  control.stream = Get(payload, 0) & kStreamMask;
  if (block_at > 0 && !ReadHeaders(payload.substr(block_at), control.headers)) return false;
  sink_.OnControl(std::move(control));
  return true;
}

bool SpdyReader::Decompress(std::string_view block, std::string& out) {
  z_stream& stream = zlib_->stream;
  stream.next_in = const_cast<Bytef*>(Raw(block));
  stream.avail_in = static_cast<uInt>(block.size());
  char buffer[4096];
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    int result = inflate(&stream, Z_SYNC_FLUSH);
    if (result == Z_NEED_DICT) {
      result =
          inflateSetDictionary(&stream, Raw(Dictionary()), static_cast<uInt>(Dictionary().size()));
      if (result == Z_OK) continue;
    }
    if (result != Z_OK && result != Z_BUF_ERROR) return false;
    out.append(buffer, sizeof buffer - stream.avail_out);
    if (out.size() > kBlockBytesMax) return false;
    if (stream.avail_out > 0) return stream.avail_in == 0;
  }
}

bool SpdyReader::ReadHeaders(std::string_view block, Headers& headers) {
  std::string text;
  if (!Decompress(block, text) || text.size() < 4) return false;
  std::string_view rest = text;
  const auto take = [&rest](std::string_view& field) {
    if (rest.size() < 4 || rest.size() - 4 < Get(rest, 0)) return false;
    field = rest.substr(4, Get(rest, 0));
    rest.remove_prefix(4 + field.size());
    return true;
  };
  uint32_t count = Get(rest, 0);
  rest.remove_prefix(4);
  for (; count > 0; --count) {
    std::string_view name;
    std::string_view values;
    if (!take(name) || !take(values) || name.empty() || headers.count(name) > 0) return false;
    if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
      return false;
    }
    for (size_t at = 0; at <= values.size();) {
      const std::string_view value = values.substr(at, values.find('\0', at) - at);
      headers.emplace(name, value);
      at += value.size() + 1;
    }
  }
  return rest.empty();
}

}  // namespace skiff::http
