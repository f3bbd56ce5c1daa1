/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The kernel's text files, also those of file systems that are mounted nowhere. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>
#include "inside.h"

static int tracefs_fd = -1;
static int tracefs_err;

char *kernel_text(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC), err;
	size_t size = 0, room = 0;
	char *text = NULL;
	ssize_t n = -1;

	if (fd < 0)
		return NULL;
	/* These files tell no size. Most have a page: more room at once, and where the kernel gives
	 * 2 MiB to what lies side by side, each of them would have so much. */
	do {
		if (size == room) {
			char *more = realloc(text, (room ? 2 * room : 16384) + 1);

			if (!more) {
				n = -1;
				break;
			}
			room = room ? 2 * room : 16384;
			text = more;
		}
		n = read(fd, text + size, room - size);
		if (n > 0)
			size += n;
	} while (n > 0);
	err = errno;
	close(fd);
	errno = err;
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[size] = 0;
	return realloc(text, size + 1) ?: text;
}

/* fsmount(2) is there since Linux 5.2. */
int mount_nowhere(const char *type)
{
	int context = fsopen(type, FSOPEN_CLOEXEC), fd = -1, err;

	if (context < 0)
		return -1;
	if (!fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fd = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	err = errno;
	close(context);
	errno = err;
	return fd;
}

int kernel_tracefs(void)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

	for (u32 i = 0; i < 2 && tracefs_fd < 0 && !tracefs_err; i++) {
		int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && !faccessat(fd, "events", R_OK | X_OK, AT_EACCESS))
			tracefs_fd = fd;
		else if (fd >= 0)
			close(fd);
	}
	if (tracefs_fd < 0 && !tracefs_err) {
		tracefs_fd = mount_nowhere("tracefs");
		tracefs_err = tracefs_fd < 0 ? errno : 0;
	}
	errno = tracefs_err;
	return tracefs_fd;
}

void files_drop(void)
{
	if (tracefs_fd >= 0)
		close(tracefs_fd);
	tracefs_fd = -1;
	tracefs_err = 0;
}
