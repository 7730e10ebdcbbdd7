#include "base/gzip.h"

#include <zlib.h>

namespace skiff {
namespace {

bool BeginGzip(z_stream& stream, GzipLevel level) {
  // 16: a gzip header instead of zlib's.
  return deflateInit2(&stream, static_cast<int>(level), Z_DEFLATED, 15 + 16, 8,
                      Z_DEFAULT_STRATEGY) == Z_OK;
}

// Of what is no gzip.
std::string FaultInGo(const z_stream& stream) {
  const std::string_view said = stream.msg == nullptr ? "" : stream.msg;
  if (said.find("data check") != said.npos || said.find("length check") != said.npos) {
    return "gzip: invalid checksum";
  }
  const bool is_header = said.find("header") != said.npos || said.find("method") != said.npos;
  if (is_header) return "gzip: invalid header";
  return "flate: corrupt input before offset " + std::to_string(stream.total_in);
}

}  // namespace

std::string Gzip(std::string_view text, GzipLevel level) {
  z_stream stream{};
  if (!BeginGzip(stream, level)) return "";
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  packed.resize(done ? stream.total_out : 0);
  packed.shrink_to_fit();
  deflateEnd(&stream);
  return packed;
}

struct GzipStream::State {
  z_stream stream{};
};

GzipStream::GzipStream() : state_(std::make_unique<State>()) {
  failed_ = !BeginGzip(state_->stream, GzipLevel::kFastest);
}

GzipStream::~GzipStream() {
  deflateEnd(&state_->stream);
}

void GzipStream::Add(std::string_view text, bool is_last, std::string& out) {
  constexpr size_t kPartBytes = 16 << 10;
  if (failed_) return;
  z_stream& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  do {
    const size_t before = out.size();
    out.resize(before + kPartBytes);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = kPartBytes;
    failed_ = deflate(&stream, is_last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR;
    out.resize(before + kPartBytes - stream.avail_out);
  } while (!failed_ && stream.avail_out == 0);
}

struct GunzipStream::State {
  z_stream stream{};
  bool is_within = false;  // A packed text has begun, and not ended.
};

GunzipStream::GunzipStream() : state_(std::make_unique<State>()) {
  CHECK(inflateInit2(&state_->stream, 15 + 16) == Z_OK);
}

GunzipStream::~GunzipStream() {
  inflateEnd(&state_->stream);
}

Result<> GunzipStream::Add(std::string_view bytes, size_t out_bytes_max, std::string& out) {
  constexpr size_t kPartBytes = 8 << 10;
  z_stream& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  bool is_full = false;
  while (out.size() <= out_bytes_max && (stream.avail_in > 0 || is_full)) {
    const size_t before = out.size();
    out.resize(before + kPartBytes);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = kPartBytes;
    const int result = inflate(&stream, Z_NO_FLUSH);
    out.resize(before + kPartBytes - stream.avail_out);
    is_full = result == Z_OK && stream.avail_out == 0;
    if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END) {
      return Fail(Reason::kInternalError, FaultInGo(stream));
    }
    state_->is_within = result != Z_STREAM_END;
    if (!state_->is_within) inflateReset(&stream);
  }
  return {};
}

Result<> GunzipStream::End() const {
  if (state_->is_within) return Fail(Reason::kInternalError, "unexpected EOF");
  return {};
}

std::string Gunzip(std::string_view bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return "";
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  char part[1 << 16];
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(part);
    stream.avail_out = sizeof part;
    state = inflate(&stream, Z_NO_FLUSH);
    text.append(part, sizeof part - stream.avail_out);
  }
  inflateEnd(&stream);
  return state == Z_STREAM_END ? text : "";
}

}  // namespace skiff
