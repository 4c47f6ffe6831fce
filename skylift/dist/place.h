// Which one of a job's processes this is, from the variables that torchrun sets.
#pragma once

#include <string>

namespace skylift {

struct ProcessPlace {
  int rank = 0;        ///< among all processes, from 0
  int count = 1;       ///< of all processes; 1: no job
  int local_rank = 0;  ///< among those of this machine
  int restarts = 0;    ///< how often torchrun has started the job anew
  std::string host;    ///< where the job's store listens
  int port = 0;
  bool agent_has_store = false;  ///< else rank 0 opens it
};

/// From RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT, TORCHELASTIC_RESTART_COUNT and
/// TORCHELASTIC_USE_AGENT_STORE. Without WORLD_SIZE: one process. Error: one that is missing, or no number in its range.
ProcessPlace process_place();

}  // namespace skylift
