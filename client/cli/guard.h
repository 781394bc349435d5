/*
 * guard.h - who ends a command when the process that runs it is killed.
 *
 * A lock belongs to a connection, and the daemon passes it on when the connection is gone. A process that is killed cannot stop its
 * command first. So the guard, a second process, has everything open that this one has: while it lives the connection is
 * there, and the lock held. When this process dies it ends the command's group, by SIGTERM and then SIGKILL, waits until nobody of it is
 * left, and only then lets go.
 *
 * A process has one guard at most. It watches over any number of groups. It has open what was open when it was started: a process that
 * connects anew renews it.
 */
#ifndef CLI_GUARD_H
#define CLI_GUARD_H

#include <stdint.h>
#include <sys/types.h>

/* Starts it. kill_after_ns: between SIGTERM and SIGKILL. Its pid, or -1 with errno. */
pid_t guard_start(int64_t kill_after_ns);
/* A new one, which has open what is open now and knows all groups that were noted, takes the place of this one (0: of none). Its pid, or
 * -1 with errno: then the one before is still there. */
pid_t guard_renew(pid_t guard, int64_t kill_after_ns);
/* Tells it the group, from the process that will lead it, before that becomes the command. */
void guard_tell(pid_t group);
/* The same for the process that started the guard: notes the group for those that come after this guard. */
void guard_note(pid_t group);
/* The group is over. To be called before its leader is reaped, so that its number cannot be another's yet. */
void guard_forget(pid_t group);
/* Its time is over. */
void guard_end(pid_t guard);

#endif
