// What a page did and said, kept for the report of a failed step and for assertions.

export class Witness {
  #lines = [];
  violations = [];

  static async of(context) {
    const witness = new Witness();
    await context.exposeBinding('gambesonViolation', (_source, violation) => witness.violations.push(violation));
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => {
        const { effectiveDirective, blockedURI, disposition, sourceFile, lineNumber } = event;
        window.gambesonViolation({ effectiveDirective, blockedURI, disposition, sourceFile, lineNumber });
      });
    });
    context.on('console', (message) => witness.#note(`console ${message.type()}: ${message.text()}`));
    context.on('weberror', (error) => witness.#note(`uncaught: ${error.error()}`));
    context.on('requestfailed', (request) => {
      witness.#note(`failed: ${request.method()} ${request.url()} (${request.failure()?.errorText})`);
    });
    context.on('response', (response) => {
      if (response.status() >= 400) {
        witness.#note(`answer: ${response.status()} to ${response.request().method()} ${response.url()}`);
      }
    });
    return witness;
  }

  #note(line) {
    this.#lines.push(line);
  }

  // What was noted since the last call.
  take() {
    this.violations.length = 0;
    return this.#lines.splice(0);
  }
}
