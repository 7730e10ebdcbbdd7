#include "http/channel.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "http/socket.h"
#include "http/tls_faults.h"

namespace skiff::http {
namespace {

constexpr size_t kRecordBytes = Loop::kRecordBytes;
constexpr size_t kPiecesPerWrite = 64;
// What these hold, and a record of which a part came before, fits into one scratch buffer.
static_assert(Loop::kRecordsBytes + kRecordBytes <= Loop::kScratchBytes);

}  // namespace

// By itself the library asks the kernel twice for each record, and once more to find that there is
// none; and it writes each by itself. Here a call of ReadTls asks once for all, and Flush gives the
// kernel many at a time.
struct Channel::RecordPipe {
  static int Read(BIO* bio, char* out, int length) {
    BIO_clear_retry_flags(bio);
    Channel& channel = *static_cast<Channel*>(BIO_get_data(bio));
    const ssize_t count = channel.TakeRecords(out, length);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    if (count == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(count);
  }
  static int Write(BIO* bio, const char* bytes, int length) {
    BIO_clear_retry_flags(bio);
    Channel& channel = *static_cast<Channel*>(BIO_get_data(bio));
    const ssize_t count = channel.GiveRecord({bytes, static_cast<size_t>(length)});
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    return static_cast<int>(count);
  }
  static long Control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    return command == BIO_CTRL_EOF && BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  }
  static BIO_METHOD* Make() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "records");
    CHECK(method && BIO_meth_set_read(method, &Read) == 1 &&
          BIO_meth_set_write(method, &Write) == 1 && BIO_meth_set_ctrl(method, &Control) == 1);
    return method;
  }
  static BIO* New(Channel& channel) {
    static BIO_METHOD* const method = Make();
    BIO* bio = BIO_new(method);
    CHECK(bio != nullptr);
    BIO_set_data(bio, &channel);
    BIO_set_init(bio, 1);
    return bio;
  }
};

Channel::Channel(Loop& loop, LoopListener& listener, int fd)
    : loop_(loop), listener_(listener), fd_(fd), interest_(EPOLLIN), ssl_(nullptr, SSL_free) {
  loop_.Watch(fd_, interest_, listener_);
}

Channel::~Channel() {
  Close();
}

void Channel::Close() {
  if (closed()) return;
  // A close_notify, so that the peer can tell an end from a cut. Best effort.
  if (error_.empty() && queued_bytes() == 0) SayGoodbye();
  if (interest_ != 0) loop_.Forget(fd_, listener_);
  loop_.DropTurn(listener_);
  close(fd_);
  fd_ = -1;
  ssl_.reset();
  records_.reset();
  outbox_ = {};
  rest_ = {};
  queued_bytes_ = 0;
}

void Channel::AttachTls(const TlsContext& context) {
  ssl_.reset(SSL_new(context.get()));
  CHECK(ssl_ != nullptr);
  BIO* const pipe = RecordPipe::New(*this);
  SSL_set_bio(ssl_.get(), pipe, pipe);
}

void Channel::SayGoodbye() {
  if (records_) {
    SendAlert(TlsRecords::Alert::kCloseNotify);
  } else if (ssl_ && SSL_is_init_finished(ssl_.get()) != 0) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
}

// Best effort, where nothing else waits to be sent.
void Channel::SendAlert(TlsRecords::Alert alert) {
  if (!rest_.empty()) return;
  const std::string record = records_->SealAlert(alert);
  (void)!send(fd_, record.data(), record.size(), MSG_NOSIGNAL);
}

void Channel::AcceptTls(const TlsContext& context) {
  AttachTls(context);
  secrets_ = std::make_unique<TrafficSecrets>();
  KeepSecrets(ssl_.get(), *secrets_);
  SSL_set_accept_state(ssl_.get());
}

void Channel::ConnectTls(const TlsContext& context, const std::string& host) {
  AttachTls(context);
  // A common name is no name of a server, as in Go.
  X509_VERIFY_PARAM_set_hostflags(SSL_get0_param(ssl_.get()), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (IsNumericHost(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
  } else {
    SSL_set1_host(ssl_.get(), host.c_str());
    SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
  }
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  SSL_set_alpn_protos(ssl_.get(), kHttp11, sizeof kHttp11 - 1);
  SSL_set_connect_state(ssl_.get());
}

Channel::Io Channel::Handshake() {
  if (!ssl_) return Io::kDone;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) return Explain(result);
  WantWrite(false);
  if (secrets_) records_ = TlsRecords::TakeOver(*secrets_, ssl_.get(), loop_.ciphers());
  ForgetSecrets(ssl_.get());
  secrets_.reset();
  return Io::kDone;
}

void Channel::LetGoOfHandshake() {
  if (records_) ssl_.reset();
}

std::string_view Channel::protocol() const {
  const unsigned char* name = nullptr;
  unsigned int length = 0;
  if (ssl_) SSL_get0_alpn_selected(ssl_.get(), &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

void Channel::SocketFailed(int error) {
  socket_error_ = error;
  error_ = ErrnoText(error);
}

Channel::Io Channel::Explain(int ssl_result) {
  switch (SSL_get_error(ssl_.get(), ssl_result)) {
    case SSL_ERROR_WANT_READ:
      return Io::kAgain;
    case SSL_ERROR_WANT_WRITE:
      WantWrite(true);
      return Io::kAgain;
    case SSL_ERROR_ZERO_RETURN:
      return Io::kEof;
    case SSL_ERROR_SYSCALL:
      if (errno == 0) {
        error_ = "EOF";
      } else {
        SocketFailed(errno);
      }
      break;
    default: {
      const unsigned long error = ERR_peek_last_error();
      if (SSL_is_server(ssl_.get()) == 0) {
        error_ = TlsFault(ssl_.get(), error, {first_bytes_.data(), first_count_});
      } else {
        const char* text = ERR_reason_error_string(error);
        error_ = text != nullptr ? text : "TLS failed";
      }
    }
  }
  ERR_clear_error();
  return Io::kError;
}

Channel::Io Channel::Read(std::string_view& bytes) {
  if (records_) return ReadRecords(bytes);
  if (ssl_) return ReadTls(bytes);
  char* buffer = loop_.scratch();
  const ssize_t count = recv(fd_, buffer, Loop::kScratchBytes, 0);
  if (count > 0) {
    bytes = {buffer, static_cast<size_t>(count)};
    return Io::kDone;
  }
  if (count == 0) return Io::kEof;
  if (errno == EAGAIN || errno == EINTR) return Io::kAgain;
  SocketFailed(errno);
  return Io::kError;
}

Channel::Io Channel::ReadTls(std::string_view& bytes) {
  if (read_end_) return *read_end_;
  ERR_clear_error();
  asking_ = Asking::kOnce;
  size_t total = 0;
  int count = 0;
  do {
    count = SSL_read(ssl_.get(), loop_.scratch() + total,
                     static_cast<int>(Loop::kScratchBytes - total));
    if (count > 0) total += count;
  } while (count > 0);
  asking_ = Asking::kForEach;
  const Io end = Explain(count);
  CHECK(unread_.empty() || end != Io::kAgain);
  if (end != Io::kAgain) read_end_ = end;
  if (total == 0) return end;
  bytes = {loop_.scratch(), total};
  RepeatEnd();
  return Io::kDone;
}

Channel::Io Channel::ReadRecords(std::string_view& bytes) {
  if (read_end_) return *read_end_;
  const ssize_t count = recv(fd_, loop_.records_scratch(), Loop::kRecordsBytes, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Io::kAgain;
  if (count <= 0) {
    if (count < 0) SocketFailed(errno);
    read_end_ = count < 0 ? Io::kError : Io::kEof;
    return *read_end_;
  }
  size_t length = 0;
  switch (records_->Open({loop_.records_scratch(), static_cast<size_t>(count)}, loop_.scratch(),
                         length)) {
    case TlsRecords::End::kNone:
      if (length == 0) return Io::kAgain;
      break;
    case TlsRecords::End::kClosed:
      read_end_ = Io::kEof;
      break;
    case TlsRecords::End::kBroken:
      SendAlert(records_->alert());
      [[fallthrough]];
    case TlsRecords::End::kTold:
      error_ = "TLS failed";
      read_end_ = Io::kError;
  }
  if (length == 0) return *read_end_;
  bytes = {loop_.scratch(), length};
  RepeatEnd();
  return Io::kDone;
}

ssize_t Channel::TakeRecords(char* out, size_t length) {
  if (asking_ == Asking::kForEach) {
    const ssize_t count = recv(fd_, out, length, 0);
    for (ssize_t i = 0; i < count && first_count_ < first_bytes_.size(); ++i) {
      first_bytes_[first_count_++] = out[i];
    }
    return count;
  }
  if (unread_.empty() && asking_ == Asking::kOnce) {
    asking_ = Asking::kNoMore;
    const ssize_t count = recv(fd_, loop_.records_scratch(), Loop::kRecordsBytes, 0);
    if (count <= 0) return count;
    unread_ = {loop_.records_scratch(), static_cast<size_t>(count)};
  }
  if (unread_.empty()) {
    errno = EAGAIN;  // If there is more, epoll tells.
    return -1;
  }
  const size_t taken = unread_.copy(out, length);
  unread_.remove_prefix(taken);
  return static_cast<ssize_t>(taken);
}

// The kernel has nothing more to tell of.
void Channel::RepeatEnd() {
  if (read_end_ && want_read_) loop_.Repeat(listener_);
}

void Channel::Send(std::string bytes) {
  if (bytes.empty()) return;
  queued_bytes_ += bytes.size();
  outbox_.push_back({nullptr, std::move(bytes)});
}

void Channel::Send(SharedBytes bytes) {
  if (!bytes) return;
  const size_t length = bytes->size();
  SendPart(std::move(bytes), 0, length);
}

void Channel::SendPart(SharedBytes bytes, size_t offset, size_t length) {
  if (length == 0) return;
  queued_bytes_ += length;
  outbox_.push_back({std::move(bytes), {}, offset, length});
}

Channel::Io Channel::Flush(size_t bytes_max) {
  // Behind an alert that ends it nothing is sent; what came before it may have been answered since.
  if (records_ && read_end_ == Io::kError) return Io::kError;
  const size_t end = queued_bytes_ - std::min(queued_bytes_, bytes_max);
  Io io = Io::kDone;
  if (secure()) {
    io = SendSealed(end);
  } else {
    while (queued_bytes_ > end && io == Io::kDone) io = SendPlain(queued_bytes_ - end);
  }
  if (io != Io::kDone) return io;
  WantWrite(false);
  if (queued_bytes_ == 0) return io;
  AskTurn();
  return Io::kAgain;
}

Channel::Io Channel::SendPlain(size_t bytes_max) {
  iovec parts[kPiecesPerWrite];
  size_t count = 0;
  for (size_t i = first_; bytes_max > 0 && count < kPiecesPerWrite; ++i, ++count) {
    const std::string_view whole = outbox_[i].view().substr(i == first_ ? first_offset_ : 0);
    const std::string_view view = whole.substr(0, bytes_max);
    parts[count] = {const_cast<char*>(view.data()), view.size()};
    bytes_max -= view.size();
  }
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = count;
  const ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
  if (sent < 0) return Refused();
  sent_bytes_ += sent;
  Sent(sent);
  return Io::kDone;
}

// After a call of the kernel that took nothing.
Channel::Io Channel::Refused() {
  if (errno == EAGAIN || errno == EINTR) {
    WantWrite(true);
    return Io::kAgain;
  }
  error_ = ErrnoText(errno);
  return Io::kError;
}

// Seals record after record until no more than `end` bytes are queued, and gives the kernel as many
// at a time as there is room for.
Channel::Io Channel::SendSealed(size_t end) {
  if (!SendRest()) return Refused();
  sealing_ = true;
  Io io = Io::kDone;
  while (queued_bytes_ > end && io == Io::kDone) {
    const size_t record_max = std::min(queued_bytes_ - end, kRecordBytes);
    io = records_ ? SendRecord(record_max) : SendTls(record_max);
  }
  sealing_ = false;
  return GiveSealed() || io != Io::kDone ? io : Refused();
}

// The library's next record. As write(2).
ssize_t Channel::GiveRecord(std::string_view record) {
  if (!sealing_) {
    if (!SendRest()) return -1;
    const ssize_t sent = send(fd_, record.data(), record.size(), MSG_NOSIGNAL);
    if (sent > 0) sent_bytes_ += sent;
    return sent;
  }
  if (sealed_bytes_ + record.size() > Loop::kSealedBytes && !GiveSealed()) return -1;
  std::memcpy(loop_.sealed_scratch() + sealed_bytes_, record.data(), record.size());
  sealed_bytes_ += record.size();
  return static_cast<ssize_t>(record.size());
}

// Whether the kernel takes all that lies in the loop's scratch. If not, errno says why; what it may
// take later is kept.
bool Channel::GiveSealed() {
  const std::string_view sealed(loop_.sealed_scratch(), std::exchange(sealed_bytes_, 0));
  if (sealed.empty()) return true;
  const ssize_t sent = send(fd_, sealed.data(), sealed.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
  const size_t taken = sent < 0 ? 0 : sent;
  sent_bytes_ += taken;
  if (taken == sealed.size()) return true;
  rest_ = sealed.substr(taken);
  errno = EAGAIN;
  return false;
}

// The same of what was kept.
bool Channel::SendRest() {
  if (rest_.empty()) return true;
  const ssize_t sent = send(fd_, rest_.data(), rest_.size(), MSG_NOSIGNAL);
  if (sent < 0) return false;
  sent_bytes_ += sent;
  if (static_cast<size_t>(sent) == rest_.size()) {
    rest_ = {};
    return true;
  }
  rest_.erase(0, sent);
  errno = EAGAIN;
  return false;
}

// The next record's bytes: where they lie when one piece holds enough, else gathered. Called again
// after a record could not be written, it gives the same bytes or more, as OpenSSL demands.
std::string_view Channel::GatherRecord(size_t bytes_max) {
  const std::string_view front = outbox_[first_].view().substr(first_offset_);
  if (front.size() >= bytes_max || first_ + 1 == outbox_.size()) {
    return front.substr(0, bytes_max);
  }
  size_t count = 0;
  for (size_t i = first_; i < outbox_.size() && count < bytes_max; ++i) {
    const std::string_view view = outbox_[i].view().substr(i == first_ ? first_offset_ : 0);
    const size_t take = std::min(view.size(), bytes_max - count);
    std::memcpy(loop_.record_scratch() + count, view.data(), take);
    count += take;
  }
  return {loop_.record_scratch(), count};
}

Channel::Io Channel::SendTls(size_t bytes_max) {
  const std::string_view record = GatherRecord(bytes_max);
  ERR_clear_error();
  const int sent = SSL_write(ssl_.get(), record.data(), static_cast<int>(record.size()));
  if (sent <= 0) return Explain(sent);
  Sent(sent);
  return Io::kDone;
}

// The same without the library: sealed where it is given to the kernel from, and nothing is
// gathered.
Channel::Io Channel::SendRecord(size_t bytes_max) {
  if (sealed_bytes_ + TlsRecords::SealedBytesMax(kRecordBytes) > Loop::kSealedBytes &&
      !GiveSealed()) {
    return Refused();
  }
  std::string_view parts[kPiecesPerWrite];
  size_t count = 0, bytes = 0;
  for (size_t i = first_; i < outbox_.size() && count < kPiecesPerWrite && bytes < bytes_max; ++i) {
    const std::string_view whole = outbox_[i].view().substr(i == first_ ? first_offset_ : 0);
    parts[count] = whole.substr(0, bytes_max - bytes);
    bytes += parts[count++].size();
  }
  sealed_bytes_ += records_->Seal({parts, count}, loop_.sealed_scratch() + sealed_bytes_);
  Sent(bytes);
  return Io::kDone;
}

void Channel::Sent(size_t bytes) {
  queued_bytes_ -= bytes;
  while (bytes > 0) {
    const size_t left = outbox_[first_].view().size() - first_offset_;
    if (bytes < left) {
      first_offset_ += bytes;
      return;
    }
    bytes -= left;
    outbox_[first_++] = {};  // Shared bytes are let go as soon as they are sent.
    first_offset_ = 0;
  }
  if (first_ == outbox_.size()) {
    outbox_.clear();
    // An idle connection keeps no buffer.
    if (outbox_.capacity() > 4) outbox_.shrink_to_fit();
    first_ = 0;
  } else if (first_ >= 256) {
    outbox_.erase(outbox_.begin(), outbox_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
}

void Channel::CloseWrite() {
  SayGoodbye();
  // Under TLS too: peers that know only TCP's end, as Go's copy loops do, see it.
  shutdown(fd_, SHUT_WR);
}

void Channel::MarkCut() {
  if (error_.empty()) error_ = "cut";
}

void Channel::WantRead(bool want) {
  want_read_ = want;
  UpdateInterest();
  RepeatEnd();
}

void Channel::WantWrite(bool want) {
  want_write_ = want;
  UpdateInterest();
}

void Channel::UpdateInterest() {
  const uint32_t wanted = (want_read_ ? EPOLLIN : 0U) | (want_write_ ? EPOLLOUT : 0U);
  if (closed() || wanted == interest_) return;
  // Not even registered while nothing is wanted: epoll would report a hang-up again and again.
  if (wanted == 0) {
    loop_.Forget(fd_, listener_);
  } else if (interest_ == 0) {
    loop_.Watch(fd_, wanted, listener_);
  } else {
    loop_.Change(fd_, wanted, listener_);
  }
  interest_ = wanted;
}

}  // namespace skiff::http
