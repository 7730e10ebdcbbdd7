#include "http/http2_wire.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "base/error.h"

namespace skiff::http {
namespace {

// Of the names and values that an answer's head shares with those before it, and a connection
// keeps: what is the same in all of them fits, and an idle watch has half of what the standard
// suggests.
constexpr size_t kAnswerTableBytes = 512;

// As kube-apiserver has them: most bodies fit into one window and one frame.
constexpr uint32_t kWindowBytes = 256 << 10;
constexpr uint32_t kFrameBytesMax = 256 << 10;
constexpr int64_t kConnectionWindowBytesMax = (int64_t{1} << 31) - 1;

// Of frames that ask for nothing.
constexpr double kTokensMax = 1'000;
constexpr double kTokensPerSecond = 100;
constexpr double kResetPrice = 2;  // There was a request before it.
constexpr double kTokensPerByteSent = 1.0 / 512;
constexpr double kCreditMax = 200'000;  // Of 100 MB that a client takes late.

// A head that is refused anyhow is read to its end, so that its stream can be answered; but not for
// ever.
constexpr size_t kHeadBytesFactor = 4;

// Fields that are of one answer alone: to keep them would only push out what others share.
bool IsOfOne(std::string_view name) {
  return name == "audit-id" || name == "content-length";
}

// What a session of the library begins with: its table of streams, for 256 of them from the start
// on, where most connections have a few. It doubles as they become more.
struct StreamTable {
  void* buckets;
  nghttp2_mem* memory;
  size_t size;
  uint32_t length;
  uint32_t length_bits;
};
constexpr uint32_t kStreamTableBits = 3;

}  // namespace

struct Http2Wire::Session {
  Session(const Limits& limits, Sink& sink) : limits(limits), sink(sink) {}

  // 0, or what ends the session: no token was left.
  int Pay(double price = 1) {
    const Duration now = sink.Now();
    if (last_paid != Duration::zero()) {
      tokens += kTokensPerSecond * std::chrono::duration<double>(now - last_paid).count();
    }
    last_paid = now;
    const double paid_by_credit = std::min(credit, price);
    credit -= paid_by_credit;
    tokens = std::min(tokens, kTokensMax) - (price - paid_by_credit);
    return tokens < 0 ? TooMuch() : 0;
  }
  void Sent(size_t bytes) {
    credit = std::min(credit + kTokensPerByteSent * static_cast<double>(bytes), kCreditMax);
  }
  int TooMuch() {
    calm_down = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  // Told to the client past the library, whose session is over.
  void Part(Code code) {
    if (parted) return;
    parted = true;
    const auto last = static_cast<uint32_t>(nghttp2_session_get_last_proc_stream_id(session));
    const auto word = static_cast<uint32_t>(code);
    char frame[17] = {0, 0, 8, NGHTTP2_GOAWAY};
    for (int i = 0; i < 4; ++i) {
      frame[9 + i] = static_cast<char>(last >> (24 - 8 * i));
      frame[13 + i] = static_cast<char>(word >> (24 - 8 * i));
    }
    sink.Send({frame, sizeof frame});
  }

  static Session& Of(void* self) { return *static_cast<Session*>(self); }
  static int OnFrameBegin(nghttp2_session*, const nghttp2_frame_hd* head, void* self);
  static int OnHeadersBegin(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_length, const uint8_t* value, size_t value_length, uint8_t,
                      void* self);
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int OnChunk(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t length,
                     void* self);
  static int OnStreamClose(nghttp2_session*, int32_t stream, uint32_t, void* self);
  static int OnUnknown(nghttp2_session*, void** payload, const nghttp2_frame_hd* head, void* self);
  static int OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static ssize_t ReadData(nghttp2_session*, int32_t stream, uint8_t*, size_t length,
                          uint32_t* flags, nghttp2_data_source*, void* self);
  static int SendFrame(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head, size_t length,
                       nghttp2_data_source*, void* self);
  static void* Allocate(size_t bytes, void* self);
  static void* AllocateZeros(size_t count, size_t bytes, void* self);
  static void* Reallocate(void* at, size_t bytes, void* self);
  static void Free(void* at, void* self);
  void FinishHead(int32_t stream, bool ended);
  void Start();
  void ShrinkStreamTable();
  void Greet();

  const Limits limits;
  Sink& sink;
  nghttp2_session* session = nullptr;
  std::optional<Http2HeadReader> reader;  // Of the head that is coming in.
  size_t frame_bytes = 0;                 // Of the frame that it began with.
  double tokens = kTokensMax;
  double credit = 0;  // Earned by what was sent, of which the client tells when it takes it.
  Duration last_paid = Duration::zero();
  bool calm_down = false;
  bool parted = false;
  bool starting = false;
  // The last block of several parts that was given while it started.
  struct {
    void* at;
    size_t count;
    size_t bytes;
  } parts_given = {};
};

int Http2Wire::Session::OnFrameBegin(nghttp2_session*, const nghttp2_frame_hd* head, void* self) {
  Session& me = Of(self);
  if (head->type == NGHTTP2_HEADERS) {
    // The library makes room for a field's text as soon as its length is there.
    me.frame_bytes = head->length;
    return me.sink.OnHeadBytes(me.frame_bytes) ? 0 : me.TooMuch();
  }
  const bool carries = head->length > 0 || (head->flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (head->type == NGHTTP2_DATA && carries) return 0;
  return me.Pay(head->type == NGHTTP2_RST_STREAM ? kResetPrice : 1);
}

int Http2Wire::Session::OnHeadersBegin(nghttp2_session* session, const nghttp2_frame* frame,
                                       void* self) {
  Session& me = Of(self);
  // Trailers are read by the library and mean nothing to anybody here.
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  // In turn, all alike: a long list must not hold up the short answers beside it.
  const nghttp2_extpri alike{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
  (void)nghttp2_session_change_extpri_stream_priority(session, frame->hd.stream_id, &alike, 1);
  me.reader.emplace(me.limits.head_bytes_max);
  me.sink.OnHeadBegin();
  return 0;
}

int Http2Wire::Session::OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                                 size_t name_length, const uint8_t* value, size_t value_length,
                                 uint8_t, void* self) {
  Session& me = Of(self);
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST || !me.reader) return 0;
  me.reader->Add({reinterpret_cast<const char*>(name), name_length},
                 {reinterpret_cast<const char*>(value), value_length});
  if (me.reader->bytes() > kHeadBytesFactor * me.limits.head_bytes_max) return me.TooMuch();
  return me.sink.OnHeadBytes(me.frame_bytes + me.reader->held_bytes()) ? 0 : me.TooMuch();
}

void Http2Wire::Session::FinishHead(int32_t stream, bool ended) {
  if (!reader) return;
  RequestHead head;
  HeadFault fault;
  const auto verdict = reader->Finish(head, fault);
  reader.reset();
  switch (verdict) {
    case Http2HeadReader::Verdict::kTaken:
      return sink.OnHead(stream, std::move(head), ended);
    case Http2HeadReader::Verdict::kRefused:
      return sink.OnBadHead(stream, fault);
    case Http2HeadReader::Verdict::kMalformed:
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_PROTOCOL_ERROR);
  }
}

int Http2Wire::Session::OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
  Session& me = Of(self);
  const bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame->hd.type == NGHTTP2_HEADERS) me.sink.OnHeadEnd();
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    me.FinishHead(frame->hd.stream_id, ended);
  } else if (frame->hd.type == NGHTTP2_HEADERS && !ended) {
    // Trailers are the last that comes.
    nghttp2_submit_rst_stream(me.session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                              NGHTTP2_PROTOCOL_ERROR);
  } else if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) && ended) {
    me.sink.OnEnd(frame->hd.stream_id);
  }
  return 0;
}

int Http2Wire::Session::OnChunk(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data,
                                size_t length, void* self) {
  Of(self).sink.OnData(stream, {reinterpret_cast<const char*>(data), length});
  return 0;
}

int Http2Wire::Session::OnStreamClose(nghttp2_session*, int32_t stream, uint32_t, void* self) {
  Of(self).sink.OnClosed(stream);
  return 0;
}

int Http2Wire::Session::OnUnknown(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) {
  return NGHTTP2_ERR_CANCEL;  // Paid for, and nothing more.
}

int Http2Wire::Session::OnFrameSent(nghttp2_session* session, const nghttp2_frame* frame,
                                    void* self) {
  Session& me = Of(self);
  const int32_t stream = frame->hd.stream_id;
  if (frame->hd.type == NGHTTP2_RST_STREAM) {
    // For what the client did wrong; it could otherwise have us reset its streams for nothing.
    const uint32_t code = frame->rst_stream.error_code;
    return code == NGHTTP2_NO_ERROR || code == NGHTTP2_CANCEL ? 0 : me.Pay();
  }
  const bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
                     (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS);
  // Answered before its body was all there: the rest needs not come.
  if (ended && nghttp2_session_get_stream_remote_close(session, stream) == 0) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_NO_ERROR);
  }
  return 0;
}

// The library packs frames one at a time, and Send takes each whole: so the large block that it
// asks for at its start holds nothing between calls. For itself each of ten thousand connections
// that are idle would have one.
void* Http2Wire::Session::Allocate(size_t bytes, void* self) {
  constexpr size_t kLargest = 16 << 10;  // Of a frame; nothing else is as large then.
  const std::span<char> scratch = Of(self).limits.scratch;
  const bool is_shared = Of(self).starting && bytes >= kLargest && bytes <= scratch.size();
  return is_shared ? scratch.data() : std::malloc(bytes);
}

void* Http2Wire::Session::AllocateZeros(size_t count, size_t bytes, void* self) {
  void* const at = std::calloc(count, bytes);
  if (Of(self).starting && count > 1) Of(self).parts_given = {at, count, bytes};
  return at;
}

void* Http2Wire::Session::Reallocate(void* at, size_t bytes, void* self) {
  if (at == nullptr) return Allocate(bytes, self);
  const std::span<char> scratch = Of(self).limits.scratch;
  if (at != scratch.data()) return std::realloc(at, bytes);
  if (bytes <= scratch.size()) return at;
  void* const own = std::malloc(bytes);
  if (own != nullptr) std::memcpy(own, at, scratch.size());
  return own;
}

void Http2Wire::Session::Free(void* at, void* self) {
  if (at != Of(self).limits.scratch.data()) std::free(at);
}

ssize_t Http2Wire::Session::ReadData(nghttp2_session*, int32_t stream, uint8_t*, size_t length,
                                     uint32_t* flags, nghttp2_data_source*, void* self) {
  const Ready ready = Of(self).sink.Next(stream, length);
  switch (ready.what) {
    case Ready::What::kBroken:
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // Resets the stream.
    case Ready::What::kNothingNow:
      return NGHTTP2_ERR_DEFERRED;
    case Ready::What::kBytes:
      break;
  }
  CHECK(ready.bytes <= length);
  if (ready.bytes > 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (ready.last) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(ready.bytes);
}

int Http2Wire::Session::SendFrame(nghttp2_session*, nghttp2_frame* frame, const uint8_t* head,
                                  size_t length, nghttp2_data_source*, void* self) {
  Session& me = Of(self);
  constexpr size_t kFrameHeadBytes = 9;
  me.sink.SendData(frame->hd.stream_id, {reinterpret_cast<const char*>(head), kFrameHeadBytes},
                   length);
  me.Sent(length);
  return me.sink.HasRoom() ? 0 : NGHTTP2_ERR_PAUSE;
}

void Http2Wire::Session::Start() {
  nghttp2_session_callbacks* calls = nullptr;
  nghttp2_option* options = nullptr;
  CHECK(nghttp2_session_callbacks_new(&calls) == 0 && nghttp2_option_new(&options) == 0);
  nghttp2_session_callbacks_set_on_begin_frame_callback(calls, OnFrameBegin);
  nghttp2_session_callbacks_set_on_begin_headers_callback(calls, OnHeadersBegin);
  nghttp2_session_callbacks_set_on_header_callback(calls, OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(calls, OnFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, OnChunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(calls, OnStreamClose);
  nghttp2_session_callbacks_set_on_frame_send_callback(calls, OnFrameSent);
  nghttp2_session_callbacks_set_unpack_extension_callback(calls, OnUnknown);
  nghttp2_session_callbacks_set_send_data_callback(calls, SendFrame);
  // Heads are read here as strictly as those of HTTP/1.1, and refused in Go's words, not reset.
  nghttp2_option_set_no_http_messaging(options, 1);
  nghttp2_option_set_no_closed_streams(options, 1);
  nghttp2_option_set_max_deflate_dynamic_table_size(options, kAnswerTableBytes);
  // Of frames that it does not know it would otherwise say nothing, not even that they were there.
  for (int type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX; ++type) {
    nghttp2_option_set_user_recv_extension_type(options, static_cast<uint8_t>(type));
  }
  nghttp2_mem memory{.mem_user_data = this,
                     .malloc = Allocate,
                     .free = Free,
                     .calloc = AllocateZeros,
                     .realloc = Reallocate};
  starting = true;
  CHECK(nghttp2_session_server_new3(&session, calls, this, options, &memory) == 0);
  starting = false;
  ShrinkStreamTable();
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(calls);
}

// Four kilobytes of ten thousand idle connections each, for which the library has no option. Where
// its session does not begin as expected to the word, as another version's may, all stays as it is.
void Http2Wire::Session::ShrinkStreamTable() {
  StreamTable table;
  std::memcpy(&table, static_cast<const void*>(session), sizeof table);
  const auto [given, count, bucket_bytes] = std::exchange(parts_given, {});
  const bool known = given != nullptr && table.buckets == given && table.size == 0 &&
                     bucket_bytes == 2 * sizeof(uint32_t) + sizeof(void*) &&
                     table.length == count && table.length_bits < 32 &&
                     table.length == uint32_t{1} << table.length_bits &&
                     table.length_bits > kStreamTableBits;
  if (!known) return;
  void* const buckets = std::calloc(size_t{1} << kStreamTableBits, bucket_bytes);
  if (buckets == nullptr) return;
  std::free(table.buckets);
  table.buckets = buckets;
  table.length = uint32_t{1} << kStreamTableBits;
  table.length_bits = kStreamTableBits;
  std::memcpy(static_cast<void*>(session), &table, sizeof table);
}

void Http2Wire::Session::Greet() {
  const auto list_max =
      static_cast<uint32_t>(std::min<size_t>(limits.head_bytes_max + 320, UINT32_MAX));
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, kFrameBytesMax},
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams_max},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, list_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindowBytes},
      // Without it the library keeps a tree of who depends on whom, for the client to grow.
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  CHECK(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
  const int64_t window =
      std::min(int64_t{kWindowBytes} * limits.streams_max, kConnectionWindowBytesMax);
  CHECK(nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                              static_cast<int32_t>(window)) == 0);
}

Http2Wire::Http2Wire(const Limits& limits, Sink& sink)
    : session_(std::make_unique<Session>(limits, sink)) {
  session_->Start();
  session_->Greet();
}

Http2Wire::~Http2Wire() {
  nghttp2_session_del(session_->session);
}

bool Http2Wire::Receive(std::string_view bytes) {
  Session& me = *session_;
  if (me.parted) return false;
  const ssize_t taken = nghttp2_session_mem_recv(
      me.session, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (taken >= 0 && !me.calm_down) return true;
  // What else the library does not bear is too much of something: of CONTINUATION, or of what must
  // be acknowledged.
  me.Part(taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? Code::kProtocolError
          : taken == NGHTTP2_ERR_NOMEM          ? Code::kInternalError
                                                : Code::kCalmDown);
  return false;
}

bool Http2Wire::Send() {
  Session& me = *session_;
  if (me.parted) return false;
  ssize_t length = 0;
  while (me.sink.HasRoom()) {
    const uint8_t* bytes = nullptr;
    length = nghttp2_session_mem_send(me.session, &bytes);
    if (length <= 0) break;
    me.sink.Send({reinterpret_cast<const char*>(bytes), static_cast<size_t>(length)});
  }
  if (length >= 0 && !me.calm_down) return true;
  me.Part(me.calm_down ? Code::kCalmDown : Code::kInternalError);
  return false;
}

bool Http2Wire::WantsToSend() const {
  return !session_->parted && nghttp2_session_want_write(session_->session) != 0;
}

bool Http2Wire::IsOver() const {
  return nghttp2_session_want_read(session_->session) == 0 &&
         nghttp2_session_want_write(session_->session) == 0;
}

void Http2Wire::Answer(StreamId stream, const Http2Fields& fields, Body body_kind) {
  // Streams are few, and long: what the head of one has would lie there idle with it.
  const bool keeps_nothing = body_kind == Body::kEndless;
  std::vector<nghttp2_nv> pairs;
  pairs.reserve(fields.size());
  for (const auto& [name, value] : fields) {
    pairs.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                     reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
                     value.size(),
                     static_cast<uint8_t>(keeps_nothing || IsOfOne(name) ? NGHTTP2_NV_FLAG_NO_INDEX
                                                                         : NGHTTP2_NV_FLAG_NONE)});
  }
  nghttp2_data_provider body{.source = {}, .read_callback = Session::ReadData};
  // It fails when the stream is being reset; then nobody waits for the answer.
  (void)nghttp2_submit_response(session_->session, stream, pairs.data(), pairs.size(),
                                body_kind == Body::kNone ? nullptr : &body);
}

void Http2Wire::AskForBody(StreamId stream) {
  static const Http2Fields kContinue = {{":status", "100"}};
  const auto& [name, value] = kContinue.front();
  const nghttp2_nv pair{reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                        reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
                        value.size(), NGHTTP2_NV_FLAG_NONE};
  (void)nghttp2_submit_headers(session_->session, NGHTTP2_FLAG_NONE, stream, nullptr, &pair, 1,
                               nullptr);
}

void Http2Wire::Resume(StreamId stream) {
  // It fails when there is no body to go on with: its head is not sent yet, or it waits for room.
  (void)nghttp2_session_resume_data(session_->session, stream);
}

void Http2Wire::Reset(StreamId stream, Code code) {
  (void)nghttp2_submit_rst_stream(session_->session, NGHTTP2_FLAG_NONE, stream,
                                  static_cast<uint32_t>(code));
}

void Http2Wire::GoAway() {
  (void)nghttp2_submit_goaway(session_->session, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_->session),
                              NGHTTP2_NO_ERROR, nullptr, 0);
}

void Http2Wire::CalmDown() {
  session_->calm_down = true;
}

}  // namespace skiff::http
