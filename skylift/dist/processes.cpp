// c10d's process groups from libtorch: Gloo for numbers and tensors on the CPU, NCCL for those on CUDA devices.
#define USE_C10D_GLOO  // libtorch holds it; its headers ask
#include "skylift/dist/processes.h"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>

#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "skylift/core/error.h"
#include "skylift/core/log.h"
#include "skylift/dist/heartbeat.h"
#include "skylift/dist/nccl.h"
#include "skylift/dist/place.h"

namespace skylift {
namespace {

using Clock = std::chrono::steady_clock;
using StorePtr = c10::intrusive_ptr<c10d::Store>;
using GroupPtr = c10::intrusive_ptr<c10d::Backend>;
using WorkPtr = c10::intrusive_ptr<c10d::Work>;

constexpr std::chrono::minutes kMeeting{5};  // until all processes are there
/// Rank 0 may score or store signals for hours while the others wait; who is gone is found by the heartbeat.
constexpr std::chrono::hours kWork{24 * 30};

StorePtr open_store(const ProcessPlace& place, bool may_serve) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(place.port);
  options.isServer = may_serve && !place.agent_has_store && place.rank == 0;
  options.waitWorkers = false;
  options.timeout = kMeeting;
  return c10::make_intrusive<c10d::TCPStore>(place.host, options);
}

GroupPtr gloo_group(const StorePtr& store, const ProcessPlace& place) {
  using Gloo = c10d::ProcessGroupGloo;
  auto options = Gloo::Options::create(kMeeting);
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
  options->devices.push_back(interface ? Gloo::createDeviceForInterface(interface) : Gloo::createDefaultDevice());
  auto group = c10::make_intrusive<Gloo>(store, place.rank, place.count, options);
  group->setTimeout(kWork);
  return group;
}

struct Job {
  ProcessPlace place;
  StorePtr store;
  GroupPtr numbers;    // what is waited for at once
  GroupPtr gradients;  // what runs beside the backward pass
  GroupPtr gpu;        // null: on the CPU
  std::unique_ptr<Heartbeat> heartbeat;
  double seconds_waited = 0;
};

Job* job = nullptr;  // of the process, as its variables are
int joins = 0;       // of JoinedProcesses that live

/// All a process knows after a failed exchange is that somebody is gone; the heartbeat tells who. Others that know it
/// too go on beating while they look, so the one that falls silent first is the one.
[[noreturn]] void explain(const std::exception& failure) {
  for (int i = 0; i < 80; ++i) {
    const int silent = job->heartbeat->silent_for(std::chrono::seconds(4));
    if (silent >= 0 && silent != job->place.rank) {
      throw Error("rank {} of {}: rank {} is gone, so the job ends (hint: its own last line, if it has one, says why)",
                  job->place.rank, job->place.count, silent);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  throw Error("rank {} of {}: an exchange with the other processes failed: {}", job->place.rank, job->place.count,
              failure.what());
}

template <class Exchange>
void explained(const Exchange& exchange) {
  const auto begun = Clock::now();
  try {
    exchange();
  } catch (const std::exception& failure) {
    explain(failure);
  }
  job->seconds_waited += std::chrono::duration<double>(Clock::now() - begun).count();
}

c10d::Backend& group_for(const at::Tensor& values) { return values.is_cuda() ? *job->gpu : *job->numbers; }

void sum_in_place(const at::Tensor& values) {
  std::vector<at::Tensor> tensors = {values};
  explained([&] { group_for(values).allreduce(tensors)->wait(); });
}

void broadcast(const at::Tensor& values, int from) {
  std::vector<at::Tensor> tensors = {values};
  c10d::BroadcastOptions options;
  options.rootRank = from;
  explained([&] { group_for(values).broadcast(tensors, options)->wait(); });
}

at::Tensor summed(const at::Tensor& values) {
  at::Tensor sum = values.detach().clone(at::MemoryFormat::Contiguous);
  sum_in_place(sum);
  return sum;
}

struct SumFunction : torch::autograd::Function<SumFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext*, const at::Tensor& values) { return summed(values); }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                 const torch::autograd::variable_list& gradients) {
    return {summed(gradients.front())};
  }
};

std::unique_ptr<Job> join(const ProcessPlace& place, bool on_gpu) {
  static int jobs = 0;  // of this process: a study joins for each of its trainings
  const std::string name = fmt::format("skylift/{}/{}", place.restarts, jobs++);
  auto joined = std::make_unique<Job>();
  joined->place = place;
  joined->store = open_store(place, /*may_serve=*/true);
  const auto named = [&](const char* group) {
    return c10::make_intrusive<c10d::PrefixStore>(fmt::format("{}/{}", name, group), joined->store);
  };
  joined->heartbeat = std::make_unique<Heartbeat>(open_store(place, /*may_serve=*/false), place, name);
  joined->numbers = gloo_group(named("numbers"), place);
  joined->gradients = on_gpu ? nullptr : gloo_group(named("gradients"), place);
  if (on_gpu) joined->gpu = joined->gradients = nccl_group(named("gpu"), place);
  return joined;
}

}  // namespace

JoinedProcesses::JoinedProcesses(bool on_gpu) {
  const ProcessPlace place = process_place();
  if (place.count == 1 || joins++ > 0) return;
  try {
    job = join(place, on_gpu).release();
  } catch (const std::exception& error) {
    joins = 0;
    const std::string reason = error.what();
    throw Error("rank {} of {}: cannot meet the other processes at {}:{}: {}", place.rank, place.count, place.host,
                place.port, reason.substr(0, reason.find('\n')));
  }
  log_info("{} processes train together", place.count);
  if (place.rank > 0) set_log_level(LogLevel::warning);  // all would say the same
}

JoinedProcesses::~JoinedProcesses() {
  if (!job || --joins > 0) return;
  job->heartbeat->last_words();
  try {
    if (std::uncaught_exceptions() == 0) wait_for_processes();
  } catch (const std::exception& error) {
    log_warning("{}", error.what());
  }
  const std::unique_ptr<Job> left(std::exchange(job, nullptr));
}

int process_rank() { return job ? job->place.rank : 0; }
int process_count() { return job ? job->place.count : 1; }

at::Tensor sum_over_processes(const at::Tensor& values) {
  if (!job) return values;
  return values.requires_grad() ? SumFunction::apply(values) : summed(values);
}

std::vector<double> sum_over_processes(std::vector<double> values) {
  if (job && !values.empty())
    sum_in_place(at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::kDouble));
  return values;
}

bool in_any_process(bool here) { return sum_over_processes(std::vector<double>{here ? 1.0 : 0.0}).front() > 0; }

std::function<void()> begin_sum(const at::Tensor& values) {
  if (!job) return [] {};
  std::vector<at::Tensor> tensors = {values};
  WorkPtr work;
  explained([&] { work = job->gradients->allreduce(tensors); });
  return [work] { explained([&] { work->wait(); }); };
}

void copy_from_first(const std::vector<at::Tensor>& tensors) {
  if (!job) return;
  for (const at::Tensor& tensor : tensors) {
    const at::Tensor values = tensor.detach().contiguous();
    broadcast(values, 0);
    if (!values.is_same(tensor)) tensor.detach().copy_(values);
  }
}

std::vector<std::string> texts_of_processes(const std::string& own) {
  std::vector<std::string> texts(static_cast<size_t>(process_count()));
  texts[static_cast<size_t>(process_rank())] = own;
  if (!job) return texts;
  std::vector<double> sizes(texts.size());
  sizes[static_cast<size_t>(process_rank())] = static_cast<double>(own.size());
  sizes = sum_over_processes(sizes);
  for (size_t rank = 0; rank < texts.size(); ++rank) {
    texts[rank].resize(static_cast<size_t>(sizes[rank]));
    if (texts[rank].empty()) continue;
    broadcast(at::from_blob(texts[rank].data(), {static_cast<int64_t>(texts[rank].size())}, at::kByte),
              static_cast<int>(rank));
  }
  return texts;
}

void wait_for_processes() { in_any_process(false); }

double seconds_waited_for_processes() { return job ? job->seconds_waited : 0; }

}  // namespace skylift
